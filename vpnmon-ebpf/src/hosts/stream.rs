//! Names in a TCP stream.
//!
//! A socket that connects says to whom in what it sends; one that was accepted hears it in what it
//! receives. Only that way is read, so answers are never taken for questions.

use aya_ebpf::{bindings::__sk_buff, programs::SkBuffContext};
use vpnmon_common::{
    host::{HostMemory, Sight, count},
    wire::{
        PacketBytes as _,
        hosts::{Ended, HostFlow, Step, TcpSegment},
    },
};

use super::{Seen, connects, does_connect, finish, maps, scratch, sight::way};
use crate::{
    flows,
    packet::{Direction, Packet, is_listening, tcp_progress},
    sockets::Socket,
};

/// What every TCP header has.
const HEADER: u32 = 20;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
/// Steps of one call of [`vpnmon_read`]: as many as the verifier can follow at ease, once, for it
/// looks at a global function apart from its callers.
pub(super) const STEPS: u32 = 4;
/// Calls of it for one of [`vpnmon_read_on`], and calls of that for one packet: together enough for
/// 16 KiB of records of one byte each. In two, because the verifier follows every round of a loop.
pub(super) const ROUNDS: u32 = 64;
pub(super) const CALLS: u32 = 70;

struct Segment {
    ports: [u16; 2],
    is_opening: bool,
    tcp: TcpSegment,
}

/// Reads what is new in a packet. In functions of their own to the verifier (kernel 5.6), so that it follows
/// each once, and not with all the ways that lead there; they can be passed the context and numbers.
#[inline(always)]
pub fn look(skb: *mut __sk_buff, seen: u64) {
    let scratch = vpnmon_begin(skb, seen);
    if scratch == NO_SCRATCH {
        return;
    }
    let mut came_to = MORE;
    for _ in 0..CALLS {
        came_to = vpnmon_read_on(skb, scratch.into());
        if came_to != MORE {
            break;
        }
    }
    vpnmon_keep(skb, scratch.into(), came_to.into());
}

/// There is nothing to read.
const NO_SCRATCH: u32 = u32::MAX;

/// Sets out to read the packet: the lent memory, with what came before; or [`NO_SCRATCH`].
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_begin(skb: *mut __sk_buff, seen: u64) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let Some(seen) = Seen::decode(&ctx, seen) else { return NO_SCRATCH };
    let Some(segment) = segment(seen) else { return NO_SCRATCH };
    if segment.is_opening {
        connects(seen.socket);
    }
    if segment.tcp.payload_len == 0 {
        return NO_SCRATCH;
    }
    let Some(before) = before(seen, &segment) else { return NO_SCRATCH };
    let Some(scratch) = scratch::lend() else {
        lose(seen.socket);
        return NO_SCRATCH;
    };
    if let Some(memory) = scratch::memory(scratch) {
        memory.reads = way(seen.direction);
        match before {
            Before::Read(flow) => scratch::copy(flow, &mut memory.flow),
            Before::Nothing { first } => memory.flow.begin(first),
        }
        match memory.flow.take(segment.tcp, &mut memory.walk) {
            Ok(()) => {
                memory.sight = seen.sight(segment.ports, 0, 0);
                return scratch;
            }
            Err(ended) => end(seen.socket, ended as u32),
        }
    }
    scratch::give_back(scratch);
    NO_SCRATCH
}

/// What of the stream came before a packet.
enum Before {
    /// Nothing: its first byte has this sequence number.
    Nothing { first: u32 },
    /// What has been read so far.
    Read(&'static HostFlow),
}

/// There is more to read in the packet.
pub(super) const MORE: u32 = 1;
/// The packet has been read.
pub(super) const READ: u32 = 0;
/// Nothing more is to be read of the stream; on top of it stands why: the [`Ended`].
const OVER: u32 = 2;

/// Reads on in the packet.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_read_on(skb: *mut __sk_buff, scratch: u64) -> u32 {
    for _ in 0..ROUNDS {
        let came_to = vpnmon_read(skb, scratch);
        if came_to != MORE {
            return came_to;
        }
    }
    MORE
}

/// Takes a few steps in the packet. What they came to is dealt with elsewhere, once, not after each step.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
#[expect(clippy::cast_possible_truncation, reason = "an index")]
pub extern "C" fn vpnmon_read(skb: *mut __sk_buff, scratch: u64) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let Some(socket) = Packet(&ctx).socket() else { return READ };
    let Some(memory) = scratch::memory(scratch as u32) else { return READ };
    for _ in 0..STEPS {
        match memory.flow.step(&mut memory.walk, &Packet(&ctx)) {
            Step::More => {}
            Step::PacketRead => return READ,
            Step::Named => tell(socket, memory),
            Step::Ended(ended) => return OVER + ended as u32,
        }
    }
    MORE
}

/// Keeps the stream until its next packet comes, unless it has ended, and gives the memory back.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
#[expect(clippy::cast_possible_truncation, reason = "an index, and one of three")]
pub extern "C" fn vpnmon_keep(skb: *mut __sk_buff, scratch: u64, came_to: u64) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let scratch = scratch as u32;
    if let (Some(socket), Some(memory)) = (Packet(&ctx).socket(), scratch::memory(scratch)) {
        match came_to as u32 {
            READ => keep(socket, memory),
            MORE => end(socket, Ended::TooLong as u32),
            over => end(socket, over - OVER),
        }
    }
    scratch::give_back(scratch);
    0
}

/// What a listener has heard is for the socket that its client will have.
#[inline(always)]
fn keep(socket: Socket, memory: &HostMemory) {
    if is_listening(socket) {
        if !maps::keep_opening(&ends(&memory.sight), &memory.flow) {
            maps::count(count::NO_MEMORY);
        }
        return;
    }
    let Some(stream) = maps::new_stream(socket) else { return lose(socket) };
    scratch::copy(&memory.flow, &mut stream.flow);
    stream.reads = memory.reads;
    stream.is_being_read = 0;
}

/// There is no memory to read it in.
#[inline(always)]
fn lose(socket: Socket) {
    maps::count(count::NO_MEMORY);
    maps::forget(socket);
    finish(socket);
}

/// Tells the agent of the names; what the socket sends and receives from here on is the host's.
#[inline(always)]
fn tell(socket: Socket, memory: &mut HostMemory) {
    let is_visit = memory.reads == Sight::EGRESS && memory.flow.names().has_host();
    let flow = if is_visit { flows::claim() } else { 0 };
    memory.sight.flow = flow;
    flows::keep(socket, flow, maps::tell(memory));
}

#[inline(always)]
fn segment(seen: Seen<'_>) -> Option<Segment> {
    let packet = Packet(seen.ctx);
    let at = seen.transport.at;
    let header = packet.load::<14>(at)?;
    let header_len = u32::from(header[12] >> 4) * 4;
    let flags = header[13];
    let payload_at = at + header_len;
    let tcp = TcpSegment {
        seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        syn: flags & SYN != 0,
        payload_at,
        payload_len: packet.ip_len().saturating_sub(payload_at),
    };
    let ports =
        [u16::from_be_bytes([header[0], header[1]]), u16::from_be_bytes([header[2], header[3]])];
    let is_opening = flags & (SYN | ACK) == SYN && seen.direction == Direction::Egress;
    (header_len >= HEADER).then_some(Segment { ports, is_opening, tcp })
}

/// What came before this packet; `None` where this is not the way to read, or that is not known.
#[inline(always)]
fn before(seen: Seen<'_>, segment: &Segment) -> Option<Before> {
    match maps::stream(seen.socket) {
        Some(stream) if stream.reads != way(seen.direction) => None,
        // Another packet of the same way is being read on another CPU: the order is lost.
        Some(stream) if stream.is_being_read != 0 => {
            end(seen.socket, Ended::Gap as u32);
            None
        }
        Some(stream) => {
            stream.is_being_read = 1;
            Some(Before::Read(&stream.flow))
        }
        None => before_first(seen, segment),
    }
}

/// The same of the first packet of a stream that its socket sees.
#[inline(always)]
fn before_first(seen: Seen<'_>, segment: &Segment) -> Option<Before> {
    let seq = segment.tcp.seq;
    if segment.is_opening {
        return Some(Before::Nothing { first: seq.wrapping_add(1) });
    }
    let tcp = tcp_progress(seen.socket)?;
    let (is_new, first) = match (does_connect(seen.socket), seen.direction) {
        // Before its handshake is over a client speaks to the listener: on the SYN (RFC 7413), or with
        // the last packet of the handshake, which has the first byte's number. What a server does not
        // take of a SYN comes again, and is heard twice.
        _ if tcp.is_listening => (true, seq.wrapping_add(u32::from(segment.tcp.syn))),
        (true, Direction::Egress) => (tcp.bytes_acked <= 1, tcp.first_unacked),
        (false, Direction::Ingress) => (tcp.bytes_received == 0, tcp.next_to_receive),
        // An answer.
        _ => return None,
    };
    if is_new {
        return Some(Before::Nothing { first });
    }
    let opening = maps::opening(&ends(&seen.sight(segment.ports, 0, 0)));
    if opening.is_none() {
        end(seen.socket, Ended::MidFlow as u32);
    }
    opening.map(Before::Read)
}

/// The connection.
#[inline(always)]
fn ends(sight: &Sight) -> maps::Ends {
    let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (sight.source, sight.destination);
    [s0, s1, s2, s3, d0, d1, d2, d3, (sight.source_port << 16) | sight.destination_port]
}

#[inline(always)]
fn end(socket: Socket, ended: u32) {
    maps::count(ended);
    maps::forget(socket);
    finish(socket);
}
