//! The cut: the packet that would exceed its account's limit is the first that does not leave.
//!
//! A slot without a limit pays one look at a word that lies beside its counters. With one, looking
//! and adding are one step under a lock, so that no two CPUs both take the last bytes (a plain
//! atomic addition does not tell what it came to before kernel 5.12).

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::{
    bindings::bpf_spin_lock,
    btf_maps::Array,
    helpers::generated::{bpf_spin_lock as acquire, bpf_spin_unlock as release},
    macros::btf_map,
};
use vpnmon_common::{
    limit::{Directions, LOCK_BYTES, LimitWords, fits},
    slot::{FIRST_ACCOUNT_SLOT, Slot},
};

use crate::{
    helpers::{add, load},
    maps::{self, MAX_ACCOUNTS},
    packet::Direction,
};

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// Its account has used its limit up. Nothing else ever stops a packet.
    Drop,
}

/// [`vpnmon_common::limit::Limit`], as the programs see it.
#[repr(C)]
struct Guarded {
    lock: bpf_spin_lock,
    is_cut: u32,
    allowed_bytes: u64,
    directions: u64,
}

const _: () = assert!(size_of::<Guarded>() == size_of::<LimitWords>());
const _: () = assert!(core::mem::offset_of!(Guarded, is_cut) == LOCK_BYTES);

// SAFETY: all but the lock itself is touched under the lock alone.
unsafe impl Sync for Guarded {}

#[btf_map]
static LIMITS: Array<Guarded, { MAX_ACCOUNTS + FIRST_ACCOUNT_SLOT as usize }> = Array::new();

/// What is to be added, and where.
pub struct Charge<'a> {
    /// The slot's index.
    pub index: u32,
    /// The slot.
    pub slot: &'a Slot,
    /// That of its counters which the packet belongs to.
    pub counter: &'a AtomicU64,
    /// The packet's way.
    pub direction: Direction,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// Adds the packet, unless its account has come to its limit.
#[inline(always)]
pub fn charge(charge: &Charge<'_>) -> Verdict {
    let verdict =
        if load(&charge.slot.is_limited) == 0 { take(charge) } else { take_within_limit(charge) };
    maps::mark_moved(charge.index);
    verdict
}

#[inline(always)]
fn take(charge: &Charge<'_>) -> Verdict {
    add(charge.counter, charge.bytes);
    Verdict::Pass
}

#[inline(always)]
fn take_within_limit(charge: &Charge<'_>) -> Verdict {
    let Some(limit) = LIMITS.get_ptr_mut(charge.index) else {
        return take(charge);
    };
    // SAFETY: a value of the map; the place of its lock is what the map's BTF says.
    let lock = unsafe { &raw mut (*limit).lock };
    // SAFETY: the lock of a map value, released below on the one way out.
    let _ = unsafe { acquire(lock) };
    // SAFETY: a value of the map, under its lock.
    let limit = unsafe { &mut *limit };
    let directions = Directions::decode(limit.directions);
    let counts = match charge.direction {
        Direction::Egress => directions.uplink,
        Direction::Ingress => directions.downlink,
    };
    let bytes = if counts { charge.bytes } else { 0 };
    let used = directions.used_bytes(charge.slot, load);
    let may_go = limit.is_cut == 0 && fits(used, bytes, limit.allowed_bytes);
    if may_go {
        add(charge.counter, charge.bytes);
    } else {
        limit.is_cut = 1;
    }
    // SAFETY: acquired above.
    let _ = unsafe { release(lock) };
    if may_go { Verdict::Pass } else { refuse(charge) }
}

#[inline(always)]
fn refuse(charge: &Charge<'_>) -> Verdict {
    let slot = charge.slot;
    add(&slot.refused_packets, 1);
    if charge.counter.as_ptr() == slot.downlink_bytes.as_ptr() {
        // The interface has carried it.
        add(&slot.refused_downlink_bytes, charge.bytes);
    }
    Verdict::Drop
}
