#![no_main]

vpnmon_fuzz::fuzz!("control_request");
