//! Names in what tunnel clients send, who have no socket here to remember anything.
//!
//! Read where it comes in, once; by its two ends, its protocol and its interface it is known again.

#![allow(unsafe_code, reason = "writes the record in the ring where it is reserved")]
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the verifier of 5.10 takes the pointers in this form only"
)]

use aya_ebpf::{bindings::__sk_buff, programs::TcContext};
use vpnmon_common::{
    flow::Flow,
    host::{Datagram, HostMemory, MAX_DATAGRAM, Sight, count},
    interface::{Address, Metered},
    wire::{
        PacketBytes as _, dns,
        hosts::{Ended, Step, TcpSegment},
        quic,
        transport::{Transport, transport},
    },
};

use super::{
    bucket::is_let_through,
    datagram::{self, MAX_IN_BUFFER, PIECE, UDP_HEADER},
    forward_maps::{self as known, Key},
    maps, sight,
    stream::{CALLS, MORE, READ, ROUNDS, STEPS},
};
use crate::{flows, frame::Frame, helpers::current_cpu, packet::Direction};

const TCP: u8 = 6;
const UDP: u8 = 17;
const HEADER: u32 = 20;
/// Where the length stands in the header of UDP (RFC 768).
const LENGTH: u32 = 4;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A packet of a tunnel's client; `Egress` is what the client sends.
#[derive(Clone, Copy)]
struct Passing<'a> {
    frame: Frame<'a>,
    transport: Transport,
    direction: Direction,
    slot: u32,
    ends: [Address; 2],
    ports: [u16; 2],
}

const INGRESS: u64 = 1 << 32;
const LINK_HEADER_AT: u32 = 40;

/// Looks at a packet that the client with this slot has sent and paid for.
#[inline(always)]
pub fn look(ctx: &TcContext, metered: Metered, slot: u32, bytes: u64) {
    if !maps::is_on() {
        return;
    }
    let (skb, seen) = (ctx.skb.skb, encode(metered, Direction::Egress, slot));
    // Not within one another: the verifier allows 512 bytes of stack for a chain of calls.
    match vpnmon_forward(skb, seen, bytes) {
        SEGMENT if vpnmon_forward_begin(skb, seen) == MORE => {
            for _ in 0..CALLS {
                if vpnmon_forward_read_on(skb, seen, bytes) != MORE {
                    break;
                }
            }
        }
        DATAGRAMS => {
            for index in 0..MAX_IN_BUFFER {
                let place = vpnmon_forward_gate(skb, seen, u64::from(index));
                if place == 0 {
                    break;
                }
                vpnmon_forward_ship(skb, seen, place, bytes);
            }
        }
        _ => {}
    }
}

/// Counts a packet for the client to its host.
#[inline(always)]
pub fn count_back(ctx: &TcContext, metered: Metered, bytes: u64) {
    if maps::is_on() {
        vpnmon_forward(ctx.skb.skb, encode(metered, Direction::Ingress, 0), bytes);
    }
}

#[inline(always)]
fn encode(metered: Metered, direction: Direction, slot: u32) -> u64 {
    let ingress = if direction == Direction::Ingress { INGRESS } else { 0 };
    ingress | (u64::from(metered.link_header) << LINK_HEADER_AT) | u64::from(slot)
}

/// There is a segment to read, or there are datagrams to look at.
const SEGMENT: u32 = 1;
const DATAGRAMS: u32 = 2;

impl<'a> Passing<'a> {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the parts of the word")]
    fn decode(ctx: &'a TcContext, seen: u64) -> Option<Self> {
        let frame = Frame::of(ctx, (seen >> LINK_HEADER_AT) as u32 & 0xff)?;
        let transport = transport(&frame)?;
        if transport.protocol != TCP && transport.protocol != UDP {
            return None;
        }
        let [s0, s1, d0, d1] = frame.load::<4>(transport.at)?;
        let ports = [u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])];
        let direction = if seen & INGRESS != 0 { Direction::Ingress } else { Direction::Egress };
        let ends = [frame.source()?, frame.destination()?];
        Some(Self { frame, transport, direction, slot: seen as u32, ends, ports })
    }

    /// The same both ways.
    #[inline(always)]
    fn key(&self, ifindex: u32) -> Key {
        let (client, server) = if self.direction == Direction::Egress { (0, 1) } else { (1, 0) };
        let (near, far) = (self.ends[client], self.ends[server]);
        let ports = (u32::from(self.ports[client]) << 16) | u32::from(self.ports[server]);
        [
            near[0],
            near[1],
            near[2],
            near[3],
            far[0],
            far[1],
            far[2],
            far[3],
            ports,
            u32::from(self.transport.protocol),
            ifindex,
        ]
    }

    #[inline(always)]
    fn sight(&self, kind: u32, len: u32) -> Sight {
        Sight {
            at_ns: sight::now(),
            flow: 0,
            slot: self.slot,
            direction: Sight::FORWARD,
            source: self.ends[0],
            destination: self.ends[1],
            source_port: u32::from(self.ports[0]),
            destination_port: u32::from(self.ports[1]),
            kind,
            len,
        }
    }
}

/// A function of its own to the verifier, see `vpnmon_read`.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_forward(skb: *mut __sk_buff, seen: u64, bytes: u64) -> u32 {
    let ctx = TcContext::new(skb);
    let Some(passing) = Passing::decode(&ctx, seen) else { return 0 };
    let key = passing.key(crate::frame::ifindex(&ctx));
    if passing.direction == Direction::Ingress {
        flows::add_to(known::flow(&key), Direction::Ingress, bytes);
        return 0;
    }
    if passing.transport.protocol == TCP {
        return match segment(&passing, &key, bytes) {
            SEGMENT if passing.transport.is_cut => cut(&key),
            to_read => to_read,
        };
    }
    flows::add_to(known::flow(&key), Direction::Egress, bytes);
    let at = passing.transport.at + UDP_HEADER;
    let may_be_initial =
        passing.transport.is_cut || passing.frame.ip_len() >= at + quic::MIN_DATAGRAM;
    if may_be_initial || passing.ports[1] == dns::PORT { DATAGRAMS } else { 0 }
}

/// The rest of a segment comes in packets that do not say whose they are.
#[inline(always)]
fn cut(key: &Key) -> u32 {
    maps::count(count::FRAGMENT);
    known::forget_stream(key);
    known::close(key);
    0
}

/// Notes a TCP segment, and counts it for its host. [`SEGMENT`] where there is something to read.
#[inline(always)]
fn segment(passing: &Passing<'_>, key: &Key, bytes: u64) -> u32 {
    let Some(header) = passing.frame.load::<14>(passing.transport.at) else { return 0 };
    let seq = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let payload = u32::from(header[12] >> 4) * 4 + passing.transport.at;
    let has_payload = passing.frame.ip_len() > payload;
    if header[13] & (SYN | ACK) == SYN {
        let first = seq.wrapping_add(1);
        if known::first(key) != Some(first) {
            // Another connection between the same ends.
            known::open(key, first);
        }
        return if has_payload { SEGMENT } else { 0 };
    }
    let Some(entry) = known::entry(key) else {
        // Opened before the agent came, or by the other end.
        known::close(key);
        return 0;
    };
    flows::add_to(entry.flow(), Direction::Egress, bytes);
    if has_payload && entry.first().is_some() { SEGMENT } else { 0 }
}

/// Sets out to read the packet: its bytes that are new.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_forward_begin(skb: *mut __sk_buff, seen: u64) -> u32 {
    let ctx = TcContext::new(skb);
    let Some(passing) = Passing::decode(&ctx, seen) else { return READ };
    let key = passing.key(crate::frame::ifindex(&ctx));
    let Some(header) = passing.frame.load::<14>(passing.transport.at) else { return READ };
    let header_len = u32::from(header[12] >> 4) * 4;
    let payload_at = passing.transport.at + header_len;
    let segment = TcpSegment {
        seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        syn: header[13] & SYN != 0,
        payload_at,
        payload_len: passing.frame.ip_len().saturating_sub(payload_at),
    };
    if header_len < HEADER {
        return READ;
    }
    let Some(first) = known::first(&key) else { return READ };
    let Some(memory) = known::stream(&key, first) else {
        maps::count(count::NO_MEMORY);
        known::close(&key);
        return READ;
    };
    if let Err(ended) = memory.flow.take(segment, &mut memory.walk) {
        end(&key, ended);
        return READ;
    }
    if memory.walk.left() == 0 {
        return READ;
    }
    if memory.reader != 0 {
        // Another packet of it is being read on another CPU: the order is lost. Its memory is left to
        // that one.
        maps::count(Ended::Gap as u32);
        known::close(&key);
        return READ;
    }
    memory.reader = this_reader();
    memory.sight = passing.sight(0, 0);
    MORE
}

/// Reads on in the packet.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_forward_read_on(skb: *mut __sk_buff, seen: u64, bytes: u64) -> u32 {
    for _ in 0..ROUNDS {
        if vpnmon_forward_read(skb, seen, bytes) != MORE {
            return READ;
        }
    }
    MORE
}

/// Takes a few steps in the packet.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_forward_read(skb: *mut __sk_buff, seen: u64, bytes: u64) -> u32 {
    let ctx = TcContext::new(skb);
    let Some(passing) = Passing::decode(&ctx, seen) else { return READ };
    let key = passing.key(crate::frame::ifindex(&ctx));
    let Some(memory) = known::known_stream(&key) else { return READ };
    for _ in 0..STEPS {
        match memory.flow.step(&mut memory.walk, &passing.frame) {
            Step::More => {}
            Step::PacketRead => {
                memory.reader = 0;
                return READ;
            }
            Step::Named if memory.reader == this_reader() => tell(&key, memory, bytes),
            Step::Named => {
                end(&key, Ended::Gap);
                return READ;
            }
            Step::Ended(ended) => {
                end(&key, ended);
                return READ;
            }
        }
    }
    MORE
}

/// Names the CPU; never 0.
#[inline(always)]
fn this_reader() -> u32 {
    current_cpu() + 1
}

/// Tells the agent of the names; this packet and what comes after it is the host's.
#[inline(always)]
fn tell(key: &Key, memory: &mut HostMemory, bytes: u64) {
    let flow = if memory.flow.names().has_host() { flows::claim() } else { 0 };
    memory.sight.flow = flow;
    keep(key, flow, maps::tell(memory), bytes);
}

#[inline(always)]
fn keep(key: &Key, flow: Flow, is_told: bool, bytes: u64) {
    if flow == 0 {
        return;
    }
    match known::entry(key) {
        Some(entry) if is_told => {
            if entry.flow() == 0 {
                flows::add_to(flow, Direction::Egress, bytes);
            }
            entry.set_flow(flow);
        }
        _ => flows::give_back(flow),
    }
}

#[inline(always)]
fn end(key: &Key, ended: Ended) {
    maps::count(ended as u32);
    known::forget_stream(key);
    known::close(key);
}

/// Marks a question in what [`vpnmon_forward_gate`] answers.
const QUESTION: u64 = 1 << 63;

/// A datagram of a packet that may hold a name: its place and its length; 0 where there is none. Apart
/// from what copies it: the verifier of 5.10 forgets the bounds of numbers that it has seen computed.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
#[expect(clippy::cast_possible_truncation, reason = "a number below `MAX_IN_BUFFER`")]
pub extern "C" fn vpnmon_forward_gate(skb: *mut __sk_buff, seen: u64, index: u64) -> u64 {
    let ctx = TcContext::new(skb);
    let Some(passing) = Passing::decode(&ctx, seen) else { return 0 };
    let Some((at, len, kind)) = datagram_at(&passing, index as u32) else { return 0 };
    if kind == Datagram::DNS && index != 0 {
        return 0;
    }
    let question = if kind == Datagram::DNS { QUESTION } else { 0 };
    question | (u64::from(at) << 32) | u64::from(len)
}

/// Sends a datagram to user space.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
#[expect(clippy::cast_possible_truncation, reason = "the parts of the words")]
pub extern "C" fn vpnmon_forward_ship(
    skb: *mut __sk_buff,
    seen: u64,
    place: u64,
    bytes: u64,
) -> u32 {
    let ctx = TcContext::new(skb);
    let (at, len) = ((place >> 32) as u32 & 0x7fff_ffff, place as u32);
    let kind = if place & QUESTION == 0 { Datagram::QUIC } else { Datagram::DNS };
    let Some(passing) = Passing::decode(&ctx, seen) else { return 0 };
    if len as usize > MAX_DATAGRAM {
        maps::count(count::TOO_LONG);
        return 0;
    }
    let sight = passing.sight(kind, len);
    if !is_let_through(&sight, kind) {
        return 0;
    }
    let key = passing.key(crate::frame::ifindex(&ctx));
    let (flow, is_new) = if kind == Datagram::QUIC { flow_of(&key) } else { (0, false) };
    let sight = Sight { flow, ..sight };
    let at = at + passing.frame.header_at();
    let is_told = maps::send(|record| {
        // SAFETY: the record is reserved, and this is its head.
        unsafe { (&raw mut (*record).sight).write(sight) };
        if len < PIECE {
            datagram::copy_short(skb, record, at, len)
        } else {
            datagram::copy_long(skb, record, at, len)
        }
    });
    if is_new {
        keep(&key, flow, is_told, bytes);
    }
    0
}

/// The datagram number `index` of a packet: its place, its length, and what it may be.
#[inline(always)]
fn datagram_at(passing: &Passing<'_>, index: u32) -> Option<(u32, u32, u32)> {
    let frame = &passing.frame;
    let at = passing.transport.at + UDP_HEADER;
    let len = frame.ip_len().checked_sub(at)?;
    if passing.transport.is_cut {
        count_cut(passing, at);
        return None;
    }
    if passing.ports[1] == dns::PORT {
        return dns::is_question(frame, at, len).then_some((at, len, Datagram::DNS));
    }
    let (at, len) = quic::datagram(at, len, frame.gso_size(), index)?;
    quic::is_client_initial(frame, at, len).then_some((at, len, Datagram::QUIC))
}

/// Counts a datagram in fragments, if it would have been read in one piece.
#[inline(always)]
fn count_cut(passing: &Passing<'_>, at: u32) {
    let frame = &passing.frame;
    let Some(len) = frame.load::<2>(passing.transport.at + LENGTH) else { return };
    let len = u32::from(u16::from_be_bytes(len)).saturating_sub(UDP_HEADER);
    let asks = passing.ports[1] == dns::PORT && dns::is_question(frame, at, len);
    if asks || quic::is_client_initial(frame, at, len) {
        maps::count(count::FRAGMENT);
    }
}

/// The flow of a connection; a new one where it has none that counts.
#[inline(always)]
fn flow_of(key: &Key) -> (Flow, bool) {
    let Some(entry) = known::entry(key) else {
        known::close(key);
        return (flows::claim(), true);
    };
    let flow = entry.flow();
    if flows::is_counting(flow) { (flow, false) } else { (flows::claim(), true) }
}
