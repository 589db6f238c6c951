#![no_main]

vpnmon_fuzz::fuzz!("xray_config");
