//! The maps, and the safe ways to use them. Names and layout: `vpnmon_common`.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use aya_ebpf::{
    Global,
    bindings::{BPF_ANY, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, BPF_NOEXIST},
    btf_maps::{Array, HashMap, Queue},
    macros::btf_map,
};
use vpnmon_common::{
    owner::Owner,
    session::{Session, SessionWords},
    slot::{FIRST_ACCOUNT_SLOT, MARKS_A_VALUE, METERED_ENTRIES, Registry, Slot, WAITING_SLOTS},
};

use crate::helpers::{add, store};

/// Room for accounts unless the agent says otherwise at load time (`meter.max_accounts`).
pub(crate) const MAX_ACCOUNTS: usize = 131_072;
/// Processes of sessions, and of servers; one beyond counts by its uid.
const MAX_SESSIONS: usize = 65_536;

#[btf_map]
static SLOTS: Array<
    Slot,
    { MAX_ACCOUNTS + FIRST_ACCOUNT_SLOT as usize },
    { BPF_F_MMAPABLE as usize },
> = Array::new();

#[btf_map]
static MOVED: Array<
    [u8; MARKS_A_VALUE as usize],
    { (MAX_ACCOUNTS + FIRST_ACCOUNT_SLOT as usize).div_ceil(MARKS_A_VALUE as usize) },
    { BPF_F_MMAPABLE as usize },
> = Array::new();

#[btf_map]
static REGISTRY: Array<Registry, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

// Not preallocated: 8 MB that a server with a hundred accounts would never touch.
#[btf_map]
static UIDS: HashMap<u32, u32, MAX_ACCOUNTS, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

#[btf_map]
static MARKS: HashMap<u32, u32, MAX_ACCOUNTS, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

#[btf_map]
static FREE_SLOTS: Queue<u32, MAX_ACCOUNTS> = Queue::new();

#[btf_map]
static SESSIONS: HashMap<u32, SessionWords, MAX_SESSIONS, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();

#[btf_map]
static WAITING: Queue<u32, { WAITING_SLOTS as usize }> = Queue::new();

#[btf_map]
static METERED: Array<u32, { METERED_ENTRIES as usize }, { BPF_F_MMAPABLE as usize }> =
    Array::new();

#[unsafe(no_mangle)]
static COUNT_LOOPBACK: Global<u8> = Global::new(1);

/// Whether loopback packets count for their owner. A constant to the verifier.
#[inline(always)]
pub fn count_loopback() -> bool {
    COUNT_LOOPBACK.load() != 0
}

/// The slot at `index`, `None` past the end of the array.
#[inline(always)]
pub fn slot(index: u32) -> Option<&'static Slot> {
    SLOTS.get(index)
}

/// Tells the agent that the slot at `index` has counted. After the counting: who takes the mark
/// away reads the counters after that.
///
/// Where the processor lets the load of the mark pass the addition (not x86), the agent can take the
/// mark between the two and miss this packet, until the next one or its next look at all slots.
#[inline(always)]
pub fn mark_moved(index: u32) {
    let Some(marks) = MOVED.get_ptr_mut(index / MARKS_A_VALUE) else { return };
    let mark = marks.cast::<u8>().wrapping_add((index % MARKS_A_VALUE) as usize);
    // SAFETY: a byte of the value; read and written in one instruction each.
    if unsafe { mark.read_volatile() } == 0 {
        // Only then: written by every packet, its cache line would wander between the CPUs.
        // SAFETY: as above.
        unsafe { mark.write_volatile(1) }
    }
}

/// Whether the interface of this index is one of those that are metered.
#[inline(always)]
pub fn is_metered(ifindex: u32) -> bool {
    METERED.get(ifindex % METERED_ENTRIES).is_some_and(|metered| *metered == ifindex)
}

/// What became of asking for a uid's slot.
#[derive(Clone, Copy)]
pub enum Claim {
    /// The index of the slot it had.
    Held(u32),
    /// The index of the slot it has got.
    New(u32),
    /// No slot is free, or the kernel has no memory for the entry.
    Full,
}

/// The slot of `uid`, given to it now if it has none.
#[inline(always)]
pub fn slot_of_uid(uid: u32) -> Claim {
    held_slot(uid).map_or_else(|| claim_slot(uid), Claim::Held)
}

#[inline(always)]
fn held_slot(uid: u32) -> Option<u32> {
    // SAFETY: the value is one aligned word, copied at once; entries change only when a uid leaves.
    unsafe { UIDS.get(uid).copied() }
}

/// Gives `uid` a free slot. Two CPUs may try at once: one wins, the other finds the winner's.
///
/// A queue hands the indexes out because atomics that return a value need kernel 5.12.
#[inline(always)]
fn claim_slot(uid: u32) -> Claim {
    let Some(index) = take_free() else {
        return Claim::Full;
    };
    let noexist = u64::from(BPF_NOEXIST);
    if UIDS.insert(uid, index, noexist).is_err() {
        give_back(index);
        return held_slot(uid).map_or(Claim::Full, Claim::Held);
    }
    publish(index, Owner::Uid(uid))
}

/// The slot of a mark, where the agent has given it one.
#[inline(always)]
pub fn slot_of_mark(mark: u32) -> Option<u32> {
    // SAFETY: as in `held_slot`.
    unsafe { MARKS.get(mark).copied() }
}

/// The same, given to it now if it has none.
#[inline(always)]
pub fn claim_mark(mark: u32) -> Claim {
    if let Some(slot) = slot_of_mark(mark) {
        return Claim::Held(slot);
    }
    let Some(index) = take_free() else {
        return Claim::Full;
    };
    if MARKS.insert(mark, index, u64::from(BPF_NOEXIST)).is_err() {
        give_back(index);
        return Claim::Full;
    }
    publish(index, Owner::Mark(mark))
}

/// A mark is nobody's any more; the slot that it had. It is never another's.
#[inline(always)]
pub fn forget_mark(mark: u32) -> Option<u32> {
    let index = slot_of_mark(mark)?;
    MARKS.remove(mark).ok()?;
    store(&slot(index)?.owner, Owner::FormerMark(mark).encode());
    Some(index)
}

/// The index of a slot that nobody has.
#[inline(always)]
pub fn take_free() -> Option<u32> {
    FREE_SLOTS.pop().ok().flatten()
}

/// Puts an index from [`take_free`] back.
#[inline(always)]
pub fn give_back(index: u32) {
    // Cannot be full: this index came out of the queue a moment ago.
    let _ = FREE_SLOTS.push(index, u64::from(BPF_ANY));
}

/// Lets the agent see who has a slot, after the entry stands that leads to it: a slot with an owner
/// is one that somebody really holds.
#[inline(always)]
pub fn publish(index: u32, owner: Owner) -> Claim {
    let Some(slot) = slot(index) else {
        return Claim::Full;
    };
    store(&slot.owner, owner.encode());
    if let Some(registry) = REGISTRY.get(0) {
        add(&registry.claims, 1);
    }
    Claim::New(index)
}

/// The session of a process id.
#[inline(always)]
pub fn session(process: u32) -> Option<Session> {
    // SAFETY: copied at once; an entry that is being replaced is the old or the new one.
    unsafe { SESSIONS.get(process).copied() }.map(Session::decode)
}

/// Gives a session whose user is not known yet a slot of its own, and tells the agent.
#[inline(always)]
pub fn begin_waiting(process: u32, start_ticks: u64) -> Option<u32> {
    let slot = WAITING.pop().ok().flatten()?;
    let (waiting_slot, children_wait, sets_marks) = (Some(slot), false, false);
    let session = Session { start_ticks, slot, waiting_slot, children_wait, sets_marks };
    if SESSIONS.insert(process, session.encode(), u64::from(BPF_NOEXIST)).is_err() {
        // Another thread was first, or there is no room.
        let _ = WAITING.push(slot, u64::from(BPF_ANY));
        return None;
    }
    add(&REGISTRY.get(0)?.waits, 1);
    Some(slot)
}
