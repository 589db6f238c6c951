#![no_main]

vpnmon_fuzz::fuzz!("quic_datagram");
