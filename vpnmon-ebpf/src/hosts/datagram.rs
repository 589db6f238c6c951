//! Datagrams that may hold a name and that user space has to read.

#![allow(unsafe_code, reason = "writes the record in the ring where it is reserved")]
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    clippy::cast_possible_truncation,
    clippy::range_plus_one,
    reason = "the verifier of 5.10 takes the pointers in this form only"
)]

use aya_ebpf::{
    bindings::__sk_buff, helpers::generated::bpf_skb_load_bytes, programs::SkBuffContext,
};
use vpnmon_common::{
    host::{Datagram, MAX_DATAGRAM, Sight, count},
    wire::{PacketBytes as _, dns, quic},
};

use super::{Seen, bucket::is_let_through, maps};
use crate::{
    flows,
    packet::{Direction, Packet},
};

pub(super) const UDP_HEADER: u32 = 8;
/// Datagrams of one buffer (UDP GSO and GRO) that are looked at: a client's first flight.
pub(super) const MAX_IN_BUFFER: u32 = 4;
/// Bytes that are copied at a time.
pub(super) const PIECE: u32 = 64;

#[inline(always)]
pub fn look(seen: Seen<'_>) {
    let packet = Packet(seen.ctx);
    let len = packet.ip_len();
    let at = seen.transport.at + UDP_HEADER;
    // The shortest question: nearly all datagrams of games, calls and tunnels end here or below.
    let Some(payload_len) = len.checked_sub(at) else { return };
    if payload_len < quic::MIN_DATAGRAM && seen.direction == Direction::Ingress {
        return;
    }
    let Some([s0, s1, d0, d1]) = packet.load::<4>(seen.transport.at) else { return };
    let ports = [u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])];
    if payload_len >= quic::MIN_DATAGRAM {
        for index in 0..MAX_IN_BUFFER {
            let size = packet.gso_size();
            let Some((at, len)) = quic::datagram(at, payload_len, size, index) else { return };
            if !quic::is_client_initial(&packet, at, len) {
                return;
            }
            ship(seen, Place { at, len, kind: Datagram::QUIC, ports });
        }
    } else if ports[1] == dns::PORT && dns::is_question(&packet, at, payload_len) {
        ship(seen, Place { at, len: payload_len, kind: Datagram::DNS, ports });
    }
}

/// A datagram of the packet, as a global function can be passed it.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    len: u32,
    kind: u32,
    ports: [u16; 2],
}

#[inline(always)]
fn ship(seen: Seen<'_>, place: Place) {
    let Place { at, len, kind, ports: [source, destination] } = place;
    let bounds = (u64::from(at) << 32) | u64::from(len);
    let ports = (u64::from(source) << 16) | u64::from(destination);
    let what = (u64::from(kind) << 32) | ports;
    vpnmon_ship(
        seen.ctx.skb.skb,
        Seen::encode(seen.direction, seen.slot, seen.has_one_peer),
        bounds,
        what,
    );
}

/// Sends a datagram to user space. A function of its own to the verifier, see
/// [`super::stream::vpnmon_read`].
#[unsafe(no_mangle)]
#[inline(never)]
#[expect(clippy::cast_possible_truncation, reason = "the parts of the words")]
pub extern "C" fn vpnmon_ship(skb: *mut __sk_buff, seen: u64, bounds: u64, what: u64) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let (at, len, kind) = ((bounds >> 32) as u32, bounds as u32, (what >> 32) as u32);
    let ports = [(what >> 16) as u16, what as u16];
    let Some(seen) = Seen::decode(&ctx, seen) else { return 0 };
    if len as usize > MAX_DATAGRAM {
        maps::count(count::TOO_LONG);
        return 0;
    }
    let sight = seen.sight(ports, kind, len);
    if !is_let_through(&sight, kind) {
        return 0;
    }
    // A datagram of a socket with many peers names the host of one of them.
    let counts = seen.has_one_peer && kind == Datagram::QUIC && seen.direction == Direction::Egress;
    let flow = if counts { flows::claim_once(seen.socket) } else { 0 };
    let sight = Sight { flow, ..sight };
    let is_sent = maps::send(|record| {
        // SAFETY: the record is reserved, and this is its head.
        unsafe { (&raw mut (*record).sight).write(sight) };
        if len < PIECE { copy_short(skb, record, at, len) } else { copy_long(skb, record, at, len) }
    });
    flows::keep(seen.socket, flow, is_sent);
    0
}

/// Piece by piece; the last one ends with the datagram, and overlaps the one before.
#[inline(always)]
pub fn copy_long(skb: *mut __sk_buff, record: *mut Datagram, at: u32, len: u32) -> bool {
    for piece in 0..MAX_DATAGRAM as u32 / PIECE + 1 {
        let rest = len - PIECE;
        let from = if piece * PIECE < rest { piece * PIECE } else { rest };
        if from as usize > MAX_DATAGRAM - PIECE as usize || !copy(skb, record, at + from, from) {
            return false;
        }
        if from == rest {
            return true;
        }
    }
    false
}

/// A datagram of less than one piece, byte by byte.
#[inline(always)]
pub fn copy_short(skb: *mut __sk_buff, record: *mut Datagram, at: u32, len: u32) -> bool {
    for index in 0..PIECE {
        if index >= len {
            break;
        }
        let ctx = SkBuffContext::new(skb);
        let Some([byte]) = Packet(&ctx).load::<1>(at + index) else { return false };
        // SAFETY: within the payload.
        unsafe { (&raw mut (*record).payload).cast::<u8>().add(index as usize).write(byte) };
    }
    true
}

#[inline(always)]
fn copy(skb: *mut __sk_buff, record: *mut Datagram, from: u32, into: u32) -> bool {
    // SAFETY: the caller has checked that a piece from here on is within the payload.
    let into = unsafe { (&raw mut (*record).payload).cast::<u8>().add(into as usize) };
    // SAFETY: the helper writes `PIECE` bytes there.
    let loaded = unsafe { bpf_skb_load_bytes(skb.cast(), from, into.cast(), PIECE) };
    loaded == 0
}
