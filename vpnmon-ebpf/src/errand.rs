//! What the agent asks for: done here, so that it is done whole.

use aya_ebpf::programs::RawTracePointContext;
use vpnmon_common::{
    errand::Errand,
    slot::{OVERFLOW_SLOT, Slot},
};

use crate::{
    helpers::{add, load},
    maps::{self, Claim},
};

/// Does the errand that the arguments name; what it answers is told there.
#[inline(always)]
pub fn run(ctx: &RawTracePointContext) -> u32 {
    match Errand::decode([ctx.arg(0), ctx.arg(1), ctx.arg(2)]) {
        Some(Errand::SlotOfUid(uid)) => index(maps::slot_of_uid(uid)),
        Some(Errand::SlotOfMark(mark)) => index(maps::claim_mark(mark)),
        Some(Errand::ForgetMark(mark)) => maps::forget_mark(mark).unwrap_or(0),
        Some(Errand::Move { from, to }) => move_bytes(from, to),
        None => 0,
    }
}

#[inline(always)]
const fn index(claim: Claim) -> u32 {
    match claim {
        Claim::Held(slot) | Claim::New(slot) => slot,
        Claim::Full => OVERFLOW_SLOT,
    }
}

#[inline(always)]
fn move_bytes(from: u32, to: u32) -> u32 {
    let (Some(giver), Some(taker)) = (maps::slot(from), maps::slot(to)) else {
        return 0;
    };
    let mut moved = 0;
    for (counter, into) in counters(giver).into_iter().zip(counters(taker)) {
        let bytes = load(counter);
        if bytes != 0 {
            add(into, bytes);
            add(counter, bytes.wrapping_neg());
            moved = 1;
        }
    }
    if moved != 0 {
        maps::mark_moved(to);
    }
    moved
}

#[inline(always)]
const fn counters(slot: &Slot) -> [&core::sync::atomic::AtomicU64; 4] {
    [
        &slot.uplink_bytes,
        &slot.downlink_bytes,
        &slot.uplink_inside_bytes,
        &slot.downlink_inside_bytes,
    ]
}
