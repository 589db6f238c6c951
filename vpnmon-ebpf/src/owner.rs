//! Whose packet is it? Its socket's uid says so, each time anew.

use aya_ebpf::programs::SkBuffContext;
use aya_log_ebpf::{debug, warn};
use vpnmon_common::{
    owner::Owner,
    slot::{LOOPBACK_SLOT, OVERFLOW_SLOT, UNATTRIBUTED_SLOT},
};

use crate::{
    helpers::{load, store},
    maps::{self, Claim},
    packet::Packet,
};

/// Index of the slot that `packet` counts in. Always one: the rows add up to what the hook saw.
///
/// Nothing is remembered in the socket: its uid can change (`accept(2)` gives it the accepting
/// process's, `fchown(2)` any), and from a uid to its slot it is one load.
#[inline(always)]
pub fn slot_index(ctx: &SkBuffContext) -> u32 {
    let packet = Packet(ctx);
    if !maps::count_loopback() && packet.is_loopback() {
        return LOOPBACK_SLOT;
    }
    if !packet.has_full_socket() {
        return UNATTRIBUTED_SLOT;
    }
    let uid = packet.uid();
    let direct = maps::direct_slot(uid);
    #[expect(clippy::cast_possible_truncation, reason = "a slot index, as written below")]
    let known = direct.map_or(0, load) as u32;
    if known != UNATTRIBUTED_SLOT {
        return known;
    }
    let slot = slot_of(ctx, uid);
    // Overflow is not remembered, so that a slot freed later is found.
    if let Some(direct) = direct
        && slot != OVERFLOW_SLOT
    {
        store(direct, u64::from(slot));
    }
    slot
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
