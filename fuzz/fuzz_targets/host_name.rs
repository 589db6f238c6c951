#![no_main]

vpnmon_fuzz::fuzz!("host_name");
