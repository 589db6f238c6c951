#![no_main]

vpnmon_fuzz::fuzz!("cron_table");
