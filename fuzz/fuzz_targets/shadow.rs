#![no_main]

vpnmon_fuzz::fuzz!("shadow");
