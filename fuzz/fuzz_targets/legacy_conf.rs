#![no_main]

vpnmon_fuzz::fuzz!("legacy_conf");
