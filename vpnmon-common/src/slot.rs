//! The records that the kernel programs write and the agent maps into its memory.
//!
//! Fields are atomics: both sides touch them at the same time, and neither needs `unsafe` for it.
//! Counters only go up. Nobody ever resets one; the agent subtracts.

use core::sync::atomic::AtomicU64;

/// Version of everything pinned: records, keys, map types. A build adopts only maps of its own.
pub const LAYOUT: u64 = 6;

/// Row of packets with no full socket. Index 0 so that an empty socket storage cannot name an
/// account.
pub const UNATTRIBUTED_SLOT: u32 = 0;
/// Row of all accounts beyond `meter.max_accounts`.
pub const OVERFLOW_SLOT: u32 = 1;
/// Row of loopback packets while `meter.loopback` is off.
pub const LOOPBACK_SLOT: u32 = 2;
/// Row of the sockets that carry sessions: what sshd and dropbear listen on, and their clients.
pub const TRANSPORT_SLOT: u32 = 3;
/// Row of tunnel packets that are no client's.
pub const FORWARD_OTHER_SLOT: u32 = 4;
/// The first of the slots that hold a session's bytes until its user is known; those between are
/// kept for later rows.
pub const FIRST_WAITING_SLOT: u32 = 16;
/// The first index that the free queue hands out.
pub const FIRST_ACCOUNT_SLOT: u32 = 1024;
/// Sessions that can wait for their user at a time, or have waited in the last two minutes.
pub const WAITING_SLOTS: u32 = FIRST_ACCOUNT_SLOT - FIRST_WAITING_SLOT;

/// Values of [`crate::names::METERED`].
pub const METERED_ENTRIES: u32 = 1024;

/// Marks in one value of [`crate::names::MOVED`].
pub const MARKS_A_VALUE: u32 = 8;

/// What one owner has moved since the maps were made. One cache line, so that two accounts never
/// share one.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// [`crate::owner::Owner::encode`]; 0 while the slot is free.
    pub owner: AtomicU64,
    /// IP bytes that the owner's sockets sent over a metered interface, as they leave on the wire.
    pub uplink_bytes: AtomicU64,
    /// IP bytes that they received over one.
    pub downlink_bytes: AtomicU64,
    /// IP bytes that they sent inside the machine: over loopback, over any other interface, or in
    /// another network namespace. The owner's uplink is the sum of both.
    pub uplink_inside_bytes: AtomicU64,
    /// IP bytes that they received there.
    pub downlink_inside_bytes: AtomicU64,
    /// 1 where [`crate::names::LIMITS`] says how far the owner may go; written by the agent.
    pub is_limited: AtomicU64,
    /// Packets that were refused because they would not fit, or came after such a one. Their bytes
    /// are in no counter above.
    pub refused_packets: AtomicU64,
    /// Bytes of those that had come over a metered interface already.
    pub refused_downlink_bytes: AtomicU64,
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
    /// Sessions that have begun to wait for their user since the maps were made.
    pub waits: AtomicU64,
    _reserved: [AtomicU64; 4],
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
    /// [`super::Slot::uplink_inside_bytes`], from layout 3 on.
    pub const UPLINK_INSIDE_BYTES: usize = 3;
    /// [`super::Slot::downlink_inside_bytes`], from layout 3 on.
    pub const DOWNLINK_INSIDE_BYTES: usize = 4;
    /// [`super::Slot::is_limited`], from layout 4 on.
    pub const IS_LIMITED: usize = 5;
    /// [`super::Slot::refused_packets`], from layout 4 on.
    pub const REFUSED_PACKETS: usize = 6;
    /// [`super::Slot::refused_downlink_bytes`], from layout 4 on.
    pub const REFUSED_DOWNLINK_BYTES: usize = 7;
    /// The first layout whose slots tell apart what stays inside.
    pub const FIRST_LAYOUT_WITH_INSIDE: u64 = 3;
    /// The first layout whose slots can be limited.
    pub const FIRST_LAYOUT_WITH_LIMITS: u64 = 4;
    /// [`super::Registry::layout`].
    pub const LAYOUT: usize = 0;
    /// [`super::Registry::generation`].
    pub const GENERATION: usize = 1;
    /// [`super::Registry::claims`].
    pub const CLAIMS: usize = 2;
    /// [`super::Registry::waits`], from layout 3 on.
    pub const WAITS: usize = 3;
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Slot, owner) == word::OWNER * 8);
    assert!(offset_of!(Slot, uplink_bytes) == word::UPLINK_BYTES * 8);
    assert!(offset_of!(Slot, downlink_bytes) == word::DOWNLINK_BYTES * 8);
    assert!(offset_of!(Slot, uplink_inside_bytes) == word::UPLINK_INSIDE_BYTES * 8);
    assert!(offset_of!(Slot, downlink_inside_bytes) == word::DOWNLINK_INSIDE_BYTES * 8);
    assert!(offset_of!(Slot, is_limited) == word::IS_LIMITED * 8);
    assert!(offset_of!(Slot, refused_packets) == word::REFUSED_PACKETS * 8);
    assert!(offset_of!(Slot, refused_downlink_bytes) == word::REFUSED_DOWNLINK_BYTES * 8);
    assert!(offset_of!(Registry, layout) == word::LAYOUT * 8);
    assert!(offset_of!(Registry, generation) == word::GENERATION * 8);
    assert!(offset_of!(Registry, claims) == word::CLAIMS * 8);
    assert!(offset_of!(Registry, waits) == word::WAITS * 8);
};
const _: () = assert!(size_of::<Slot>() == 64 && align_of::<Slot>() == 64);
const _: () = assert!(size_of::<Registry>() == 64 && align_of::<Registry>() == 64);
