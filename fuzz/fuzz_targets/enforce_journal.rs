#![no_main]

vpnmon_fuzz::fuzz!("enforce_journal");
