#![no_main]

vpnmon_fuzz::fuzz!("wireguard");
