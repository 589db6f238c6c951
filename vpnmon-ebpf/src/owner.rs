//! Whose packet is it? Found once a socket, then remembered in the socket.

use aya_ebpf::programs::SkBuffContext;
use aya_log_ebpf::{debug, warn};
use vpnmon_common::{
    owner::{CachedOwner, Owner},
    slot::{LOOPBACK_SLOT, OVERFLOW_SLOT, UNATTRIBUTED_SLOT},
};

use crate::{
    helpers::{load, store},
    maps::{self, Claim},
    packet::{self, Packet},
};

/// Index of the slot that `packet` counts in. Always one: the rows add up to what the hook saw.
#[inline(always)]
pub fn slot_index(ctx: &SkBuffContext) -> u32 {
    let packet = Packet(ctx);
    if !maps::count_loopback() && packet.is_loopback() {
        return LOOPBACK_SLOT;
    }
    let Some(socket) = packet.socket() else {
        return UNATTRIBUTED_SLOT;
    };
    let Some(word) = maps::socket_word(socket) else {
        return without_memory(ctx, socket);
    };
    let uid = packet.uid();
    let cached = CachedOwner::decode(load(word));
    if cached.slot != UNATTRIBUTED_SLOT && cached.uid == uid {
        return cached.slot;
    }
    let slot = slot_of(ctx, packet::outside_uid(socket).unwrap_or(uid));
    // Overflow is not remembered, so that a slot freed later is found.
    if slot != OVERFLOW_SLOT {
        store(word, CachedOwner { uid, slot }.encode());
    }
    slot
}

/// No storage: no full socket, or no memory for one. The second still has a uid.
#[inline(always)]
fn without_memory(ctx: &SkBuffContext, socket: maps::Socket) -> u32 {
    if !packet::is_full(socket) {
        return UNATTRIBUTED_SLOT;
    }
    slot_of(ctx, packet::outside_uid(socket).unwrap_or_else(|| Packet(ctx).uid()))
}

/// The slot of `uid`, given to it now if it has none.
#[inline(always)]
fn slot_of(ctx: &SkBuffContext, uid: u32) -> u32 {
    if let Some(slot) = maps::slot_of_uid(uid) {
        return slot;
    }
    match maps::claim_slot(uid, Owner::Uid(uid).encode()) {
        Claim::Slot(slot) => {
            debug!(ctx, "uid {} counts in slot {}", uid, slot);
            slot
        }
        Claim::Full => {
            warn!(ctx, "no slot for uid {}: it counts in the overflow row", uid);
            OVERFLOW_SLOT
        }
    }
}
