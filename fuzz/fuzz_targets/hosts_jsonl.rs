#![no_main]

vpnmon_fuzz::fuzz!("hosts_jsonl");
