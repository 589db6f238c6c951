#![no_main]

vpnmon_fuzz::fuzz!("auth_line");
