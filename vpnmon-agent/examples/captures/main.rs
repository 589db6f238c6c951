//! Reads a folder of captures and says how many names are found, however they are cut.
//!
//! `cargo run --release -p vpnmon-agent --example captures -- DIR...`; public captures are named in
//! CONTRIBUTING.md. Nothing of them is kept here.

#![allow(clippy::print_stdout, reason = "the report")]

mod net;
mod oracle;
mod pcap;
mod reader;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use vpnmon_agent::seam::{dns, quic::Hellos};
use vpnmon_common::wire::{dns::is_question, quic::is_client_initial};

use self::{
    net::{Carried, carried},
    oracle::Streams,
    reader::Slice,
    report::Report,
};

fn main() {
    let mut report = Report::default();
    for dir in std::env::args_os().skip(1) {
        for file in pcap::files(Path::new(&dir)) {
            let bytes = fs::read(&file).unwrap_or_default();
            read_capture(&bytes, &mut report);
        }
    }
    report.print();
}

fn read_capture(file: &[u8], report: &mut Report) {
    let mut streams = Streams::new();
    let mut hellos = Hellos::default();
    let packets = pcap::packets(file);
    report.files += usize::from(!packets.is_empty());
    for packet in packets {
        match carried(packet.link, packet.bytes) {
            Some(Carried::Tcp { path, seq, syn, payload }) => {
                streams.add(path, seq, syn, payload);
            }
            Some(Carried::Udp { path, payload }) => datagram(path, payload, &mut hellos, report),
            None => (),
        }
    }
    streams.each().for_each(|stream| report.stream(stream));
}

fn datagram(path: net::Path, payload: &[u8], hellos: &mut Hellos<net::Path>, report: &mut Report) {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if path.1.port() == vpnmon_common::wire::dns::PORT && is_question(&Slice(payload), 0, len) {
        let answer = dns::question(payload).map(|question| question.name.as_str().to_owned());
        report.dns(answer);
    }
    if is_client_initial(&Slice(payload), 0, len) {
        // Without clocks: captures are short, and nothing may be forgotten.
        let read = hellos.read(&path, payload, Duration::ZERO);
        report.quic(read.map(|names| names.and_then(|names| Some(names.host()?.1.to_vec()))));
    }
}

type Counts = BTreeMap<String, usize>;
type Names = BTreeSet<String>;
