//! What is known of connections of tunnel clients, and the safe ways to use it.
//!
//! A map forgets what was not used for the longest. Then its connection is one of which the beginning
//! was not seen: no name, and nobody else's.

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use core::{ptr, sync::atomic::AtomicU64};

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_NOEXIST},
    btf_maps::{Array, LruHashMap},
    helpers::generated::bpf_map_update_elem,
    macros::btf_map,
};
use vpnmon_common::{
    flow::Flow,
    host::{HostMemory, Sight},
};

use crate::helpers::{load, store};

/// Client, server, their ports, the protocol, and the index of the client's interface.
pub type Key = [u32; 11];

/// Connections that are known.
const MAX_CONNECTIONS: usize = 32_768;
/// Of these, such as are read at a time.
const MAX_STREAMS: usize = 2048;

/// What is known of one. No state is written but in one go.
#[repr(C)]
pub struct Entry {
    flow: AtomicU64,
    /// [`OPEN`] and the sequence number of its first byte; 0 when nothing more is to be read.
    state: AtomicU64,
}

const OPEN: u64 = 1 << 32;

#[btf_map]
static FORWARD_FLOWS: LruHashMap<Key, Entry, MAX_CONNECTIONS> = LruHashMap::new();

#[btf_map]
static FORWARD_STREAMS: LruHashMap<Key, HostMemory, MAX_STREAMS> = LruHashMap::new();

/// A stream of which nothing was read: too large for the stack.
#[btf_map]
static BLANK_STREAM: Array<HostMemory, 1> = Array::new();

impl Entry {
    /// The flow that it counts in; 0 for none.
    #[inline(always)]
    pub fn flow(&self) -> Flow {
        load(&self.flow)
    }

    /// It counts in this flow from now on.
    #[inline(always)]
    pub fn set_flow(&self, flow: Flow) {
        store(&self.flow, flow);
    }

    /// The sequence number of the first byte, while there is something to read.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
    pub fn first(&self) -> Option<u32> {
        let state = load(&self.state);
        (state & OPEN != 0).then_some(state as u32)
    }
}

/// What is known of a connection.
#[inline(always)]
pub fn entry(key: &Key) -> Option<&'static Entry> {
    let entry = FORWARD_FLOWS.get_ptr(key)?;
    // SAFETY: a value of the map, of atomics alone. It may become another connection's while we look,
    // after 32,768 others: then a packet counts for the wrong one of two hosts.
    Some(unsafe { &*entry })
}

/// The flow of a connection; 0 where there is none.
#[inline(always)]
pub fn flow(key: &Key) -> Flow {
    entry(key).map_or(0, Entry::flow)
}

/// The sequence number of its first byte, while there is something to read.
#[inline(always)]
pub fn first(key: &Key) -> Option<u32> {
    entry(key).and_then(Entry::first)
}

/// A connection begins, with this first byte.
#[inline(always)]
pub fn open(key: &Key, first: u32) {
    forget_stream(key);
    put(key, OPEN | u64::from(first));
}

/// Nothing more is to be read of it.
#[inline(always)]
pub fn close(key: &Key) {
    match entry(key) {
        Some(entry) => store(&entry.state, 0),
        None => put(key, 0),
    }
}

#[inline(always)]
fn put(key: &Key, state: u64) {
    let entry = Entry { flow: AtomicU64::new(0), state: AtomicU64::new(state) };
    // Without memory for it nothing is known of it.
    let _ = FORWARD_FLOWS.insert(key, &entry, u64::from(BPF_ANY));
}

/// Its stream, if that is being read.
#[inline(always)]
pub fn known_stream(key: &Key) -> Option<&'static mut HostMemory> {
    let stream = FORWARD_STREAMS.get_ptr_mut(key)?;
    // SAFETY: a value of the map. Another CPU may write to it at the same time: any numbers in it are
    // valid.
    Some(unsafe { &mut *stream })
}

/// Its stream, new where it is not being read yet.
#[inline(always)]
pub fn stream(key: &Key, first: u32) -> Option<&'static mut HostMemory> {
    if let Some(stream) = known_stream(key) {
        return Some(stream);
    }
    let blank = BLANK_STREAM.get_ptr(0)?;
    let map = ptr::from_ref(&FORWARD_STREAMS).cast_mut().cast();
    let (key_at, flags) = (ptr::from_ref(key).cast_mut().cast(), u64::from(BPF_NOEXIST));
    // SAFETY: key and value are of the map's types; the helper copies them.
    if unsafe { bpf_map_update_elem(map, key_at, blank.cast_mut().cast(), flags) } != 0 {
        return None;
    }
    let stream = known_stream(key)?;
    stream.reads = Sight::FORWARD;
    stream.flow.begin(first);
    Some(stream)
}

/// Its stream was read.
#[inline(always)]
pub fn forget_stream(key: &Key) {
    // Mostly there is none.
    let _ = FORWARD_STREAMS.remove(key);
}
