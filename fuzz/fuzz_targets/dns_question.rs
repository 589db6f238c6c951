#![no_main]

vpnmon_fuzz::fuzz!("dns_question");
