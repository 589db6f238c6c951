//! The maps, and the safe ways to use them. Names and layout: `vpnmon_common`.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::{
    Global,
    bindings::{
        BPF_ANY, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, BPF_NOEXIST, BPF_SK_STORAGE_GET_F_CREATE,
        bpf_sock,
    },
    btf_maps::{Array, HashMap, Queue, SkStorage},
    helpers::generated::bpf_sk_storage_get,
    macros::btf_map,
};
use vpnmon_common::slot::{FIRST_ACCOUNT_SLOT, MARKS_A_VALUE, Registry, Slot};

use crate::helpers::{add, store};

/// Room for accounts unless the agent says otherwise at load time (`meter.max_accounts`).
const MAX_ACCOUNTS: usize = 131_072;

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
static FREE_SLOTS: Queue<u32, MAX_ACCOUNTS> = Queue::new();

#[btf_map]
static SOCKETS: SkStorage<u64> = SkStorage::new();

#[unsafe(no_mangle)]
static COUNT_LOOPBACK: Global<u8> = Global::new(1);

#[unsafe(no_mangle)]
static SOCKET_UID_OFFSET: Global<u32> = Global::new(0);

/// Where `sk_uid` is in `struct sock`; 0 where the agent does not know. A constant to the verifier,
/// which then never sees the helper that not every kernel lends.
#[inline(always)]
pub fn socket_uid_offset() -> u32 {
    SOCKET_UID_OFFSET.load()
}

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

/// The word a socket remembers, made zero where there is none yet.
///
/// `None` for request and TIME_WAIT sockets and where the kernel has no memory for it, also when
/// a user has filled `net.core.optmem_max` on purpose: the caller must do without.
#[inline(always)]
pub fn socket_word(socket: Socket) -> Option<&'static AtomicU64> {
    // SAFETY: the map is a socket storage of u64 and `socket.0` comes from the context unchanged;
    // the helper accepts any sock_common and answers NULL for one that is no full socket (5.10).
    let word = unsafe {
        bpf_sk_storage_get(
            (&raw const SOCKETS).cast_mut().cast(),
            socket.0.cast(),
            core::ptr::null_mut(),
            BPF_SK_STORAGE_GET_F_CREATE.into(),
        )
    };
    // SAFETY: NULL or a value of the map, 8 bytes and aligned, which lives as long as the socket,
    // so longer than this run of the program.
    unsafe { word.cast::<AtomicU64>().as_ref() }
}

/// A socket of the context, of any kind, not NULL.
#[derive(Clone, Copy)]
pub struct Socket(pub(crate) *mut bpf_sock);

/// The slot index held by `uid`.
#[inline(always)]
pub fn slot_of_uid(uid: u32) -> Option<u32> {
    // SAFETY: the value is one aligned word, copied at once; entries change only when a uid leaves.
    unsafe { UIDS.get(uid).copied() }
}

/// What became of giving a uid a slot.
pub enum Claim {
    /// The index of the slot the uid holds now.
    Slot(u32),
    /// No slot is free, or the kernel has no memory for the entry.
    Full,
}

/// Gives `uid` a free slot. Two CPUs may try at once: one wins, the other finds the winner's.
///
/// A queue hands the indexes out because atomics that return a value need kernel 5.12.
#[inline(always)]
pub fn claim_slot(uid: u32, owner_word: u64) -> Claim {
    let Ok(Some(index)) = FREE_SLOTS.pop() else {
        return Claim::Full;
    };
    let noexist = u64::from(BPF_NOEXIST);
    if UIDS.insert(uid, index, noexist).is_err() {
        // Cannot be full: this index came out of the queue a moment ago.
        let _ = FREE_SLOTS.push(index, u64::from(BPF_ANY));
        return slot_of_uid(uid).map_or(Claim::Full, Claim::Slot);
    }
    let Some(slot) = slot(index) else {
        return Claim::Full;
    };
    // Published after the entry stands: a slot with an owner is a slot some uid really holds.
    store(&slot.owner, owner_word);
    if let Some(registry) = REGISTRY.get(0) {
        add(&registry.claims, 1);
    }
    Claim::Slot(index)
}
