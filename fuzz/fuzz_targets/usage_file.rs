#![no_main]

vpnmon_fuzz::fuzz!("usage_file");
