#![no_main]

vpnmon_fuzz::fuzz!("ssh_log");
