#![no_main]

vpnmon_fuzz::fuzz!("wire_size");
