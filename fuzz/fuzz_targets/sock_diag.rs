#![no_main]

vpnmon_fuzz::fuzz!("sock_diag");
