extern crate std;

use std::{fmt::Write as _, format, string::String, vec, vec::Vec};

use super::{Ended, HostFlow, Names, Step, TcpSegment, Walk};
use crate::wire::tests::Slice;

pub mod client_hello;
mod cuts;
mod flow;
mod http;
mod opinion;
mod tls;

/// Bytes before the payload: the least there is.
const HEADERS: usize = 40;
/// Far below the number space's end, which has tests of its own.
const FIRST: u32 = 1000;

/// What has come of a stream: the names of each message in one line, and the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    told: Vec<String>,
    ended: Option<Ended>,
}

impl Reading {
    fn of(told: &[&str], ended: Option<Ended>) -> Self {
        Self { told: told.iter().map(|&line| line.into()).collect(), ended }
    }
}

/// A flow and all that it has said.
#[derive(Default)]
struct Reader {
    flow: HostFlow,
    reading: Reading,
    steps: usize,
}

impl Reader {
    fn begun() -> Self {
        let mut reader = Self::default();
        reader.flow.begin(FIRST);
        reader
    }

    /// Reads a segment as the kernel would, in one go.
    fn segment(&mut self, seq: u32, syn: bool, payload: &[u8]) {
        let mut packet = vec![0xee; HEADERS];
        packet.extend_from_slice(payload);
        let mut walk = Walk::default();
        let segment = TcpSegment {
            seq,
            syn,
            payload_at: u32::try_from(HEADERS).unwrap(),
            payload_len: u32::try_from(payload.len()).unwrap(),
        };
        if let Err(why) = self.flow.take(segment, &mut walk) {
            self.reading.ended.get_or_insert(why);
            return;
        }
        while self.reading.ended.is_none() && self.step(&mut walk, &packet) {}
    }

    fn step(&mut self, walk: &mut Walk, packet: &[u8]) -> bool {
        self.steps += 1;
        match self.flow.step(walk, &Slice(packet)) {
            Step::More => true,
            Step::PacketRead => false,
            Step::Named => {
                self.reading.told.push(line(self.flow.names()));
                true
            }
            Step::Ended(why) => {
                assert!(self.flow.is_over());
                self.reading.ended = Some(why);
                false
            }
        }
    }
}

/// `kind host`, then what a proxy has said, then what was too long.
fn line(names: &Names) -> String {
    let mut line = match names.host() {
        Some((kind, host)) => format!("{kind:?} {}", host.escape_ascii()),
        None => String::from("-"),
    };
    for (word, text) in [("proxy", names.proxy_host()), ("client", names.client())] {
        if let Some(text) = text {
            let _ = write!(line, " {word}={}", text.escape_ascii());
        }
    }
    if names.dropped() != 0 {
        let _ = write!(line, " dropped={}", names.dropped());
    }
    line
}

/// Reads `stream` in segments of `size` bytes.
fn read_in(stream: &[u8], size: usize) -> Reading {
    read_pieces(stream.chunks(size))
}

fn read_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Reading {
    let mut reader = Reader::begun();
    let mut seq = FIRST;
    for piece in pieces {
        reader.segment(seq, false, piece);
        seq = seq.wrapping_add(u32::try_from(piece.len()).unwrap());
    }
    reader.reading
}

/// Reads `stream` whole.
fn read(stream: &[u8]) -> Reading {
    read_in(stream, stream.len().max(1))
}
