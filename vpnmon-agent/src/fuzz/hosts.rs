//! The parsers of host names, those of the kernel too.

use std::time::Duration;

use vpnmon_common::wire::{
    PacketBytes,
    dns::is_question,
    hosts::{Ended, HostFlow, MAX_LOOKED, Names, Step, TcpSegment, Walk},
    quic::{datagram, is_client_initial},
};

use crate::hosts::{
    dns,
    name::{HostName, MAX_NAME},
    quic::{Hellos, fuzz_payload},
};

/// Any bytes make a name that can stand in a file, or none.
pub fn host_name(bytes: &[u8]) {
    assert_harmless(HostName::parse(bytes).ok());
    let labels: Vec<_> = bytes.split(|byte| *byte == 0).collect();
    assert_harmless(HostName::of_labels(&labels).ok());
}

/// A message of DNS.
pub fn dns_question(bytes: &[u8]) {
    let _ = is_question(&Slice(bytes), 0, len(bytes));
    assert_harmless(dns::question(bytes).ok().map(|question| question.name));
}

/// A datagram as it comes, and a payload as it is opened.
pub fn quic_datagram(bytes: &[u8]) {
    let gso_size = bytes.first().map_or(0, |byte| u32::from(*byte) * 8);
    for (at, len) in (0..4).map_while(|index| datagram(0, len(bytes), gso_size, index)) {
        let _ = is_client_initial(&Slice(bytes), at, len);
    }
    let mut hellos = Hellos::default();
    let _ = hellos.read(&(), bytes, Duration::ZERO);
    assert!(hellos.waiting() <= 1);
    fuzz_payload(bytes);
}

/// How many segment sizes the input begins with, those sizes, and a stream: cut so, it says what it
/// says whole.
pub fn host_stream(bytes: &[u8]) {
    let Some((cuts, stream)) = cut(bytes) else { return };
    assert_eq!(read(&cuts), read(&[stream]));
}

/// The pieces that an input says, and all of them as one.
fn cut(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (count, rest) = bytes.split_first()?;
    let (sizes, stream) = rest.split_at_checked(usize::from(count % 16))?;
    let mut cuts = Vec::new();
    let mut left = stream;
    for size in sizes.iter().cycle().take(stream.len()) {
        let (piece, behind) = left.split_at(usize::from(*size).min(left.len()));
        cuts.push(piece);
        left = behind;
    }
    cuts.push(left);
    Some((cuts, stream))
}

/// The same input for the kernel's build of the parser: what to write to a socket, one piece after
/// the other, and the hosts that are to come of it.
#[must_use]
pub fn host_stream_for_kernel(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, Vec<String>)> {
    let (cuts, _) = cut(bytes)?;
    let (told, _) = read(&cuts);
    let names = told.into_iter().flat_map(|[host, proxy_host, _]| [host, proxy_host]).flatten();
    let hosts = names.filter_map(|name| HostName::parse(&name).ok());
    let hosts = hosts.map(|name| name.as_str().to_owned()).collect();
    let pieces = cuts.into_iter().filter(|piece| !piece.is_empty());
    Some((pieces.map(<[u8]>::to_vec).collect(), hosts))
}

/// All that is told of a stream in these segments.
fn read(segments: &[&[u8]]) -> (Vec<Told>, Option<Ended>) {
    let mut flow = HostFlow::default();
    let (mut seq, mut told) = (u32::MAX - 100, Vec::new());
    flow.begin(seq);
    for payload in segments {
        if let Some(ended) = read_segment(&mut flow, seq, payload, &mut told) {
            return (told, Some(ended));
        }
        seq = seq.wrapping_add(len(payload));
    }
    (told, None)
}

type Told = [Option<Vec<u8>>; 3];

fn read_segment(
    flow: &mut HostFlow,
    seq: u32,
    payload: &[u8],
    told: &mut Vec<Told>,
) -> Option<Ended> {
    let packet = [&[0; HEADERS][..], payload].concat();
    let mut walk = Walk::default();
    let payload_at = len(&[0; HEADERS]);
    let segment = TcpSegment { seq, syn: false, payload_at, payload_len: len(payload) };
    flow.take(segment, &mut walk).ok()?;
    // A byte a step, a record's header in each, and the loads.
    for steps in 0.. {
        assert!(steps < 2 * MAX_LOOKED, "more steps than bytes");
        match flow.step(&mut walk, &Slice(&packet)) {
            Step::More => (),
            Step::PacketRead => return None,
            Step::Named => told.push(texts(flow.names())),
            Step::Ended(why) => return Some(why),
        }
    }
    None
}

const HEADERS: usize = 40;

fn texts(names: &Names) -> Told {
    let host = names.host().map(|(_, host)| host);
    let texts = [host, names.proxy_host(), names.client()];
    assert!(texts[0].is_some() || texts[1].is_some() || names.dropped() != 0);
    texts.map(|text| {
        assert_harmless(text.and_then(|text| HostName::parse(text).ok()));
        text.map(<[u8]>::to_vec)
    })
}

fn assert_harmless(name: Option<HostName>) {
    let Some(name) = name else { return };
    let text = name.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(!text.is_empty() && text.len() <= 4 * MAX_NAME, "{text}");
    assert!(name.is_odd() || !text.contains(['|', '\\', '/', '"', '\'', '%']), "{text}");
}

/// A real buffer is never so long that this matters.
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

struct Slice<'a>(&'a [u8]);

impl PacketBytes for Slice<'_> {
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}
