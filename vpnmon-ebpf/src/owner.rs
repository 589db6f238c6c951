//! Whose packet is it? Found once a socket, then remembered in the socket.
//!
//! In this order: what the socket was tagged for, when it was made or by the agent, and, where the tag
//! says that marks decide, its mark; else its uid.

use aya_ebpf::{bindings::__sk_buff, programs::SkBuffContext};
use aya_log_ebpf::{debug, warn};
use vpnmon_common::{
    owner::SocketOwner,
    slot::{LOOPBACK_SLOT, OVERFLOW_SLOT, TRANSPORT_SLOT, UNATTRIBUTED_SLOT},
};

use crate::{
    helpers::{load, store},
    kernel,
    maps::{self, Claim},
    packet::{self, Packet},
    sockets::Socket,
};

/// Where `packet` counts. Always in one slot: the rows add up to what the hook saw.
#[inline(always)]
pub fn of(ctx: &SkBuffContext) -> SocketOwner {
    let packet = Packet(ctx);
    if !maps::count_loopback() && packet.is_loopback() {
        return reserved(LOOPBACK_SLOT);
    }
    let Some(socket) = packet.socket() else {
        return reserved(UNATTRIBUTED_SLOT);
    };
    let Some(memory) = socket.memory() else {
        return without_memory(ctx, socket);
    };
    if let Some(known) = SocketOwner::decode(load(&memory.owner)) {
        return SocketOwner { flow: load(&memory.flow), ..known };
    }
    let found = find(ctx, socket);
    if found.is_lasting {
        store(&memory.owner, found.owner.encode());
        // The agent may have tagged it meanwhile, and its word been overwritten just now.
        // Then the next packet asks again.
        if tag_word(socket) != found.tag {
            store(&memory.owner, 0);
        }
    }
    found.owner
}

const fn reserved(slot: u32) -> SocketOwner {
    SocketOwner::new(slot, false)
}

/// No memory: no full socket, or no room for more. The second still has an owner.
#[inline(always)]
fn without_memory(ctx: &SkBuffContext, socket: Socket) -> SocketOwner {
    if packet::is_full(socket) { find(ctx, socket).owner } else { reserved(UNATTRIBUTED_SLOT) }
}

/// What is known of a socket that remembers nothing yet.
struct Found {
    owner: SocketOwner,
    /// Whether it stays so. Nobody's uid does before the socket is accepted; and a slot that is
    /// freed later is to be found by those that had none.
    is_lasting: bool,
    /// The word that it was tagged with; 0 is none.
    tag: u64,
}

#[inline(always)]
fn find(ctx: &SkBuffContext, socket: Socket) -> Found {
    if let Some(found) = by_tag(ctx, tag_word(socket)) {
        return found;
    }
    let Some(sock) = kernel::sock(socket) else {
        let slot = slot_of(ctx, Packet(ctx).uid());
        return Found { owner: reserved(slot), is_lasting: false, tag: 0 };
    };
    let slot = slot_of(ctx, sock.sock_uid().unwrap_or_else(|| Packet(ctx).uid()));
    Found {
        owner: SocketOwner::new(slot, sock.sock_is_elsewhere()),
        is_lasting: slot != OVERFLOW_SLOT && sock.sock_is_held(),
        tag: 0,
    }
}

#[inline(always)]
fn tag_word(socket: Socket) -> u64 {
    socket.tag().map_or(0, load)
}

/// Whose a socket is that was tagged so.
#[inline(always)]
fn by_tag(ctx: &SkBuffContext, tag: u64) -> Option<Found> {
    let owner = SocketOwner::decode(tag)?;
    if !owner.heeds_mark {
        return Some(Found { owner, is_lasting: true, tag });
    }
    let slot = vpnmon_marked(ctx.skb.skb, owner.slot);
    let is_lasting = slot != NO_SLOT_YET;
    let slot = if is_lasting { slot } else { TRANSPORT_SLOT };
    Some(Found { owner: SocketOwner::new(slot, owner.is_inside), is_lasting, tag })
}

/// The agent may give the mark a slot yet.
const NO_SLOT_YET: u32 = u32::MAX;

/// The slot of the socket's mark, `unmarked` without one. A mark counts on sockets of Xray's process
/// alone: elsewhere it may be a user's, who can set any in a network namespace of the user's own.
///
/// A function of its own to the verifier (kernel 5.6): followed with all that comes after, its few
/// ways are too many for 5.10.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "the verifier knows global functions by their name")]
pub extern "C" fn vpnmon_marked(skb: *mut __sk_buff, unmarked: u32) -> u32 {
    let ctx = SkBuffContext::new(skb);
    let Some(socket) = Packet(&ctx).socket() else { return unmarked };
    match packet::mark(socket) {
        0 => unmarked,
        mark => maps::slot_of_mark(mark).unwrap_or(NO_SLOT_YET),
    }
}

/// The slot of `uid`, given to it now if it has none.
#[inline(always)]
fn slot_of(ctx: &SkBuffContext, uid: u32) -> u32 {
    match maps::slot_of_uid(uid) {
        Claim::Held(slot) => slot,
        Claim::New(slot) => {
            debug!(ctx, "uid {} counts in slot {}", uid, slot);
            slot
        }
        Claim::Full => {
            warn!(ctx, "no slot for uid {}: it counts in the overflow row", uid);
            OVERFLOW_SLOT
        }
    }
}
