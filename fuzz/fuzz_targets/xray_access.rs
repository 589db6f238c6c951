#![no_main]

vpnmon_fuzz::fuzz!("xray_access");
