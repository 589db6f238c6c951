//! The machine under test, fed with segments.

use vpnmon_common::wire::{
    PacketBytes,
    hosts::{Ended, HostFlow, Step, TcpSegment, Walk},
};

const HEADERS: u32 = 40;

pub struct Slice<'a>(pub &'a [u8]);

impl PacketBytes for Slice<'_> {
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}

/// What came of a flow.
#[derive(Default)]
pub struct Read {
    pub hosts: Vec<Vec<u8>>,
    pub ended: Option<Ended>,
    /// Most steps in one packet, and in all.
    pub most_steps: u32,
    pub steps: u32,
}

/// Reads segments as they came.
pub fn segments<'a>(start: u32, all: impl Iterator<Item = (u32, bool, &'a [u8])>) -> Read {
    let mut flow = HostFlow::default();
    flow.begin(start);
    let mut read = Read::default();
    for (seq, syn, payload) in all {
        read.segment(&mut flow, seq, syn, payload);
        if read.ended.is_some() {
            break;
        }
    }
    read
}

/// Reads a stream in segments of the sizes given.
pub fn cut(stream: &[u8], mut size: impl FnMut() -> usize) -> Read {
    let (mut rest, mut pieces, mut seq) = (stream, Vec::new(), u32::MAX - 500);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size().clamp(1, rest.len()));
        pieces.push((seq, false, piece));
        seq = seq.wrapping_add(len(piece));
        rest = behind;
    }
    segments(u32::MAX - 500, pieces.into_iter())
}

impl Read {
    fn segment(&mut self, flow: &mut HostFlow, seq: u32, syn: bool, payload: &[u8]) {
        let packet = [&[0; HEADERS as usize][..], payload].concat();
        let mut walk = Walk::default();
        let segment = TcpSegment { seq, syn, payload_at: HEADERS, payload_len: len(payload) };
        if let Err(why) = flow.take(segment, &mut walk) {
            self.ended = Some(why);
            return;
        }
        let before = self.steps;
        while self.ended.is_none() {
            self.steps += 1;
            match flow.step(&mut walk, &Slice(&packet)) {
                Step::More => (),
                Step::PacketRead => break,
                Step::Named => {
                    self.hosts.extend(flow.names().host().map(|(_, host)| host.to_vec()));
                }
                Step::Ended(why) => self.ended = Some(why),
            }
        }
        self.most_steps = self.most_steps.max(self.steps - before);
    }
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
