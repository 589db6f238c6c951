//! The records that the kernel programs write and the agent maps into its memory.
//!
//! Fields are atomics: both sides touch them at the same time, and neither needs `unsafe` for it.
//! Counters only go up. Nobody ever resets one; the agent subtracts.

use core::sync::atomic::AtomicU64;

/// Version of everything pinned: records, keys, map types. A build adopts only maps of its own.
pub const LAYOUT: u64 = 2;

/// Row of packets with no full socket. Index 0 so that an empty socket storage cannot name an
/// account.
pub const UNATTRIBUTED_SLOT: u32 = 0;
/// Row of all accounts beyond `meter.max_accounts`.
pub const OVERFLOW_SLOT: u32 = 1;
/// Row of loopback packets while `meter.loopback` is off.
pub const LOOPBACK_SLOT: u32 = 2;
/// The first index that the free queue hands out; those between are kept for later rows.
pub const FIRST_ACCOUNT_SLOT: u32 = 8;

/// Marks in one value of [`crate::names::MOVED`].
pub const MARKS_A_VALUE: u32 = 8;

/// What one owner has moved since the maps were made. One cache line, so that two accounts never
/// share one.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// [`crate::owner::Owner::encode`]; 0 while the slot is free.
    pub owner: AtomicU64,
    /// IP bytes sent by the owner's sockets, as they leave on the wire.
    pub uplink_bytes: AtomicU64,
    /// IP bytes received by the owner's sockets.
    pub downlink_bytes: AtomicU64,
    /// Packets behind `uplink_bytes`, each segment of a super-packet counted.
    pub uplink_packets: AtomicU64,
    /// Packets behind `downlink_bytes`.
    pub downlink_packets: AtomicU64,
    _reserved: [AtomicU64; 3],
}

/// The one element of the registry map.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Registry {
    /// [`LAYOUT`] of the build that made the maps.
    pub layout: AtomicU64,
    /// Random name of this life of the maps; part of every epoch.
    pub generation: AtomicU64,
    /// Slots handed out since the maps were made: when it moves, the agent looks for new owners.
    pub claims: AtomicU64,
    _reserved: [AtomicU64; 5],
}

/// Where, in words, a slot has what every layout has there: a later build reads the counters of an
/// earlier one by these alone.
pub mod word {
    /// [`super::Slot::owner`].
    pub const OWNER: usize = 0;
    /// [`super::Slot::uplink_bytes`].
    pub const UPLINK_BYTES: usize = 1;
    /// [`super::Slot::downlink_bytes`].
    pub const DOWNLINK_BYTES: usize = 2;
    /// [`super::Registry::layout`].
    pub const LAYOUT: usize = 0;
    /// [`super::Registry::generation`].
    pub const GENERATION: usize = 1;
    /// [`super::Registry::claims`].
    pub const CLAIMS: usize = 2;
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Slot, owner) == word::OWNER * 8);
    assert!(offset_of!(Slot, uplink_bytes) == word::UPLINK_BYTES * 8);
    assert!(offset_of!(Slot, downlink_bytes) == word::DOWNLINK_BYTES * 8);
    assert!(offset_of!(Registry, layout) == word::LAYOUT * 8);
    assert!(offset_of!(Registry, generation) == word::GENERATION * 8);
    assert!(offset_of!(Registry, claims) == word::CLAIMS * 8);
};
const _: () = assert!(size_of::<Slot>() == 64 && align_of::<Slot>() == 64);
const _: () = assert!(size_of::<Registry>() == 64 && align_of::<Registry>() == 64);
