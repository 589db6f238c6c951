//! Host names in the first bytes that a socket sends or receives: TLS server names and HTTP hosts are
//! read here, datagrams that may hold one are sent on. The parsers are in `vpnmon_common::wire`.

mod bucket;
mod datagram;
pub mod forward;
mod forward_maps;
pub mod maps;
mod scratch;
mod sight;
mod stream;

use aya_ebpf::{bindings::__sk_buff, programs::SkBuffContext};
use vpnmon_common::{
    owner::SocketOwner,
    wire::{
        dns, quic,
        transport::{Transport, transport},
    },
};

use crate::{
    flows,
    helpers::{load, store},
    packet::{Direction, Kind, Packet, is_listening, kind},
    sockets::Socket,
};

const TCP: u32 = 6;
const UDP: u32 = 17;
/// Packets of less bytes hold no first datagram of a QUIC client.
const SMALL: u32 = 20 + 8 + quic::MIN_DATAGRAM;

/// A packet of a socket of which not all is read.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    ctx: &'a SkBuffContext,
    direction: Direction,
    socket: Socket,
    slot: u32,
    transport: Transport,
    /// Whether all that it sends goes to one other end.
    has_one_peer: bool,
}

impl<'a> Seen<'a> {
    const INGRESS: u64 = 1 << 32;
    const ONE_PEER: u64 = 1 << 33;

    /// As a global function can be passed it, with what it can find by itself left out.
    #[inline(always)]
    fn encode(direction: Direction, slot: u32, has_one_peer: bool) -> u64 {
        let ingress = if direction == Direction::Ingress { Self::INGRESS } else { 0 };
        let one_peer = if has_one_peer { Self::ONE_PEER } else { 0 };
        ingress | one_peer | u64::from(slot)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
    fn decode(ctx: &'a SkBuffContext, word: u64) -> Option<Self> {
        let is_ingress = word & Self::INGRESS != 0;
        let direction = if is_ingress { Direction::Ingress } else { Direction::Egress };
        let (socket, transport) = (Packet(ctx).socket()?, transport(&Packet(ctx))?);
        let has_one_peer = word & Self::ONE_PEER != 0;
        Some(Self { ctx, direction, socket, slot: word as u32, transport, has_one_peer })
    }
}

/// Looks at a packet of `owner`'s socket, unless its names have been read.
#[inline(always)]
pub fn look(ctx: &SkBuffContext, direction: Direction, owner: SocketOwner) {
    if owner.is_read || !maps::is_on() {
        return;
    }
    let Some(socket) = Packet(ctx).socket() else { return };
    let Some(kind) = kind(socket) else { return };
    match kind.protocol {
        // Answers: most of what a server sends, and of what a client receives.
        TCP if owner.connects && direction == Direction::Ingress => return,
        TCP if !owner.connects && direction == Direction::Egress && !kind.is_opening => return,
        TCP => {}
        UDP if is_worth_a_look(Packet(ctx), direction, socket, kind, owner) => {}
        UDP => return,
        _ => return finish(socket),
    }
    vpnmon_look(ctx.skb.skb, Seen::encode(direction, owner.slot, kind.peer_port != 0));
    if direction == Direction::Egress {
        count_named(ctx, socket, owner);
    }
}

/// The packet that names the first host counts for it: it was counted for its owner before anybody
/// knew. One that names another has counted for the host before.
#[inline(always)]
fn count_named(ctx: &SkBuffContext, socket: Socket, owner: SocketOwner) {
    let Some(memory) = socket.memory() else { return };
    let flow = load(&memory.flow);
    if owner.flow == 0 {
        flows::add_to(flow, Direction::Egress, Packet(ctx).wire_size().bytes);
    }
}

/// Whether a datagram may hold a name, by what costs nothing to know.
#[inline(always)]
fn is_worth_a_look(
    packet: Packet<'_>,
    direction: Direction,
    socket: Socket,
    kind: Kind,
    owner: SocketOwner,
) -> bool {
    let is_small = packet.ip_len() < SMALL;
    let asks = kind.peer_port == dns::PORT;
    if kind.peer_port == 0 {
        // Any peer's: a question, or a client's first datagram.
        return !is_small || direction == Direction::Egress;
    }
    if is_small && !asks {
        // To one peer, and neither a question nor the first datagram of a QUIC client.
        finish(socket);
        return false;
    }
    looked(socket, owner);
    true
}

/// The rest of the look, which packets of sockets that are read never see. A function of its own to
/// the verifier (kernel 5.6), so that it is followed once; it can be passed the context and numbers.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_look(skb: *mut __sk_buff, seen: u64) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let Some(packet) = Seen::decode(&ctx, seen) else { return 0 };
    match u32::from(packet.transport.protocol) {
        TCP => stream::look(skb, seen),
        UDP => datagram::look(packet),
        _ => finish(packet.socket),
    }
    0
}

/// One more datagram of a socket with one peer has been looked at: after the first flight there is
/// nothing to find.
#[inline(always)]
fn looked(socket: Socket, owner: SocketOwner) {
    let Some(memory) = socket.memory() else { return };
    let (looks, is_read) = (owner.looks + 1, owner.looks >= SocketOwner::MAX_LOOKS);
    if load(&memory.owner) != 0 {
        store(&memory.owner, SocketOwner { looks, is_read, ..owner }.encode());
    }
}

/// The socket connects: it is what it sends that says to whom.
#[inline(always)]
fn connects(socket: Socket) {
    let Some(memory) = socket.memory() else { return };
    if let Some(owner) = SocketOwner::decode(load(&memory.owner)) {
        store(&memory.owner, SocketOwner { connects: true, ..owner }.encode());
    }
}

/// Whether it does.
#[inline(always)]
fn does_connect(socket: Socket) -> bool {
    let memory = socket.memory().and_then(|memory| SocketOwner::decode(load(&memory.owner)));
    memory.is_some_and(|owner| owner.connects)
}

/// Nothing more is to be read of the socket; a listener goes on to hear of other connections.
#[inline(always)]
fn finish(socket: Socket) {
    if is_listening(socket) {
        return;
    }
    let Some(memory) = socket.memory() else { return };
    // The owner may not be known yet; then the next packet comes here again.
    if let Some(owner) = SocketOwner::decode(load(&memory.owner)) {
        store(&memory.owner, SocketOwner { is_read: true, ..owner }.encode());
    }
}
