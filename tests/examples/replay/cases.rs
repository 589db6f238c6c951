//! What is said, and what is to be heard of it.

use std::{
    collections::{HashMap, HashSet},
    fmt, fs,
    path::Path,
    time::Duration,
};

use vpnmon_agent::seam::{HostName, quic::Hellos};

use crate::{
    net::{Carried, carried},
    oracle::{self, Stream, Streams},
    pcap,
};

/// Bytes of a stream that the agent looks at.
const LOOKED: usize = 16_384;
/// TCP payload of a full segment on Ethernet.
const SEGMENT: usize = 1448;

/// One connection, or one socket's datagrams.
pub struct Case {
    /// What it is and how it is cut.
    pub way: String,
    /// The name, as it is stored; `None`: there is none.
    pub expected: Option<String>,
    /// The bytes.
    pub said: Said,
}

/// Payloads, each in a packet.
pub enum Said {
    /// Of TCP.
    Stream(Vec<Vec<u8>>),
    /// Of UDP.
    Datagrams(Vec<Vec<u8>>),
}

impl Case {
    /// One that tells that all others are over.
    pub fn last(stream: Vec<u8>) -> Self {
        Self { way: "last".into(), expected: None, said: Said::Stream(vec![stream]) }
    }
}

/// All cases, each message once.
#[derive(Default)]
pub struct Cases {
    files: usize,
    hellos: HashSet<Vec<u8>>,
    heads: HashSet<Vec<u8>>,
    flights: HashSet<Vec<Vec<u8>>>,
    all: Vec<Case>,
}

impl fmt::Display for Cases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, hellos, heads, flights, all } = self;
        let counts = [hellos.len(), heads.len(), flights.len(), all.len()];
        let [hellos, heads, flights, cases] = counts;
        write!(f, "{files} files: {hellos} hellos, {heads} requests, {flights} QUIC clients; ")?;
        write!(f, "{cases} cases")
    }
}

impl Cases {
    /// Adds what a capture holds.
    pub fn read(&mut self, file: &Path) {
        let bytes = fs::read(file).unwrap_or_default();
        let (mut streams, mut flights) = (Streams::new(), HashMap::new());
        for packet in pcap::packets(&bytes) {
            match carried(packet.link, packet.bytes) {
                Some(Carried::Tcp { path, seq, syn, payload }) => {
                    streams.add(path, seq, syn, payload);
                }
                Some(Carried::Udp { path, payload }) if payload.len() >= 1200 => {
                    let flight: &mut Vec<Vec<u8>> = flights.entry(path).or_default();
                    if flight.len() < 8 {
                        flight.push(payload.to_vec());
                    }
                }
                _ => {}
            }
        }
        self.files += 1;
        streams.each().for_each(|it| self.stream(it));
        for flight in flights.into_values() {
            self.flight(flight);
        }
    }

    /// All of them.
    pub fn finish(self) -> Vec<Case> {
        self.all
    }

    fn stream(&mut self, stream: &Stream) {
        let bytes = stream.bytes();
        if let Some(message) = oracle::hello(&bytes) {
            if self.hellos.insert(message.clone()) {
                self.hello(&bytes[..bytes.len().min(LOOKED)], &message);
            }
        } else if let Some(host) = oracle::host(&bytes) {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
            if self.heads.insert(bytes[..end].to_vec()) {
                self.cut("http", stored(host.as_bytes()), &bytes[..end]);
            }
        }
    }

    fn hello(&mut self, stream: &[u8], message: &[u8]) {
        let names = oracle::server_names(message);
        let name = names.first().filter(|_| names.len() == 1).and_then(|name| stored(name));
        let kind = if name.is_some() { "sni" } else { "no sni" };
        self.cut(kind, name.clone(), stream);
        for size in [1000, 100, 7] {
            let record = |part: &[u8]| {
                let len = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
                [&[22, 3, 1][..], &len, part].concat()
            };
            let records: Vec<u8> = message.chunks(size).flat_map(record).collect();
            self.add(&format!("{kind}: records of {size}"), name.clone(), &records, || SEGMENT);
        }
    }

    fn cut(&mut self, kind: &str, name: Option<String>, stream: &[u8]) {
        let mut state = 1u64;
        let random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap_or(0) % 400 + 1
        };
        self.add(&format!("{kind}: whole"), name.clone(), stream, || usize::MAX);
        self.add(&format!("{kind}: segments of {SEGMENT}"), name.clone(), stream, || SEGMENT);
        self.add(&format!("{kind}: segments at random"), name.clone(), stream, random);
        self.add(&format!("{kind}: byte by byte"), name, stream, || 1);
    }

    fn add(
        &mut self,
        way: &str,
        expected: Option<String>,
        stream: &[u8],
        mut size: impl FnMut() -> usize,
    ) {
        let (mut rest, mut pieces) = (stream, Vec::new());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(size().clamp(1, rest.len()));
            pieces.push(piece.to_vec());
            rest = behind;
        }
        self.all.push(Case { way: way.into(), expected, said: Said::Stream(pieces) });
    }

    /// A client's first datagrams, if they tell a name once they are opened.
    fn flight(&mut self, datagrams: Vec<Vec<u8>>) {
        let mut hellos = Hellos::default();
        let mut read = |it: &Vec<u8>| hellos.read(&(), it, Duration::ZERO).ok().flatten();
        let Some(names) = datagrams.iter().find_map(&mut read) else { return };
        let expected = names.host().and_then(|(_, name)| stored(name));
        if expected.is_some() && self.flights.insert(datagrams.clone()) {
            let said = Said::Datagrams(datagrams);
            self.all.push(Case { way: "quic".into(), expected, said });
        }
    }
}

/// As the agent stores it; `None` where there is nothing to store: names of the server itself are
/// none that is visited.
fn stored(name: &[u8]) -> Option<String> {
    let name = HostName::parse(name).ok()?.as_str().to_owned();
    (!matches!(&name[..], "localhost" | "127.0.0.1" | "[::1]" | "::1")).then_some(name)
}
