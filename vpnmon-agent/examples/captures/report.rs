//! The figures.

use std::collections::HashSet;

use vpnmon_agent::seam::{dns::DnsError, quic::QuicError};

use super::{Counts, Names, oracle, oracle::Stream, reader, reader::Read};

/// All figures.
#[derive(Default)]
pub struct Report {
    pub files: usize,
    hellos: HashSet<Vec<u8>>,
    heads: HashSet<Vec<u8>>,
    /// How often each way of cutting gave the oracle's name, none, or another.
    right: Counts,
    none: Counts,
    wrong: Counts,
    /// Why flows ended, as captured.
    ended: Counts,
    most_steps: Counts,
    steps: Counts,
    quic: Counts,
    quic_names: Names,
    dns: Counts,
    dns_names: Names,
}

impl Report {
    /// A stream, as captured and, if its message is new, in all other ways.
    pub fn stream(&mut self, stream: &Stream) {
        let Some(start) = stream.start() else { return };
        let bytes = stream.bytes();
        let all = stream.segments.iter().map(|(seq, syn, bytes)| (*seq, *syn, &bytes[..]));
        let as_captured = reader::segments(start, all);
        let why = as_captured.ended.map_or("open".into(), |why| format!("{why:?}"));
        *self.ended.entry(why).or_default() += 1;
        if let Some(message) = oracle::hello(&bytes) {
            self.hello(&bytes, &message, &as_captured);
        } else if let Some(host) = oracle::host(&bytes) {
            self.request(&bytes, &host, &as_captured);
        }
    }

    fn hello(&mut self, stream: &[u8], message: &[u8], as_captured: &Read) {
        let names = oracle::server_names(message);
        let kind = if names.len() == 1 { "sni" } else { "no sni" };
        if !self.hellos.insert(message.to_vec()) {
            return;
        }
        let expected = names.first().filter(|_| names.len() == 1).map(Vec::as_slice);
        self.compare(&format!("{kind}: as captured"), expected, as_captured);
        self.cuts(kind, expected, &stream[..stream.len().min(16_384)]);
        for size in [1000, 100, 50, 7, 5, 1] {
            let records: Vec<u8> = message.chunks(size).flat_map(record).collect();
            let read = reader::cut(&records, || 1448);
            self.compare(&format!("{kind}: records of {size}, segments of 1448"), expected, &read);
        }
    }

    fn request(&mut self, stream: &[u8], host: &str, as_captured: &Read) {
        let end = stream.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        if self.heads.insert(stream[..end].to_vec()) {
            if as_captured.hosts.first().map(Vec::as_slice) != Some(host.as_bytes()) {
                println!("head: {}", stream[..end.min(100)].escape_ascii());
            }
            self.compare("http: as captured", Some(host.as_bytes()), as_captured);
            self.cuts("http", Some(host.as_bytes()), &stream[..end]);
        }
    }

    fn cuts(&mut self, kind: &str, expected: Option<&[u8]>, stream: &[u8]) {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap_or(0) % 400 + 1
        };
        for (name, read) in [
            ("whole", reader::cut(stream, || usize::MAX)),
            ("segments of 1448", reader::cut(stream, || 1448)),
            ("segments at random", reader::cut(stream, &mut random)),
            ("segments of 1", reader::cut(stream, || 1)),
        ] {
            self.compare(&format!("{kind}: {name}"), expected, &read);
        }
    }

    fn compare(&mut self, way: &str, expected: Option<&[u8]>, read: &Read) {
        let found = read.hosts.first().map(Vec::as_slice);
        let counts = match (expected, found) {
            (expected, found) if expected == found => &mut self.right,
            (_, None) => &mut self.none,
            _ => &mut self.wrong,
        };
        *counts.entry(way.into()).or_default() += 1;
        if expected != found {
            let show = |name: Option<&[u8]>| name.map(|name| name.escape_ascii().to_string());
            println!("{way}: {:.99?} but {:.99?} {:?}", show(expected), show(found), read.ended);
        }
        let most = self.most_steps.entry(way.into()).or_default();
        *most = (*most).max(read.most_steps as usize);
        *self.steps.entry(way.into()).or_default() += read.steps as usize;
    }

    pub fn quic(&mut self, read: Result<Option<Vec<u8>>, QuicError>) {
        let what = match read {
            Ok(Some(name)) => {
                self.quic_names.insert(name.escape_ascii().to_string());
                "names".into()
            }
            Ok(None) => "more to come".into(),
            Err(why) => format!("{why:?}"),
        };
        *self.quic.entry(what).or_default() += 1;
    }

    pub fn dns(&mut self, question: Result<String, DnsError>) {
        let what = match question {
            Ok(name) => {
                self.dns_names.insert(name);
                "names".into()
            }
            Err(why) => format!("{why:?}"),
        };
        *self.dns.entry(what).or_default() += 1;
    }

    /// Everything, for a person.
    pub fn print(&self) {
        println!(
            "{} files, {} distinct hellos, {} heads",
            self.files,
            self.hellos.len(),
            self.heads.len()
        );
        let of = |counts: &Counts, way: &str| counts.get(way).copied().unwrap_or(0);
        for (way, most) in &self.most_steps {
            let (right, none) = (of(&self.right, way), of(&self.none, way));
            let all = right + none + of(&self.wrong, way);
            let mean = of(&self.steps, way) / all.max(1);
            println!(
                "{way:44} {right:5} of {all:5} right, {none} none, {} wrong; steps: {mean} a flow, at most {most} a packet",
                of(&self.wrong, way)
            );
        }
        println!("flows as captured ended: {:?}", self.ended);
        println!("QUIC datagrams: {:?}; {} distinct names", self.quic, self.quic_names.len());
        println!("DNS questions: {:?}; {} distinct names", self.dns, self.dns_names.len());
    }
}

fn record(part: &[u8]) -> Vec<u8> {
    let len = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[22, 3, 1][..], &len, part].concat()
}
