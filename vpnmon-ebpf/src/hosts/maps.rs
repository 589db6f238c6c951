//! The maps of host names, and the safe ways to use them.

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use core::{mem::MaybeUninit, ptr, sync::atomic::AtomicU64};

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_F_MMAPABLE, BPF_SK_STORAGE_GET_F_CREATE},
    btf_maps::{Array, LruHashMap, RingBuf, SkStorage},
    helpers::generated::{bpf_ringbuf_output, bpf_sk_storage_delete, bpf_sk_storage_get},
    macros::btf_map,
};
use vpnmon_common::{
    bucket::{self, SourceKey},
    host::{Datagram, HostMemory, HostStream, count},
    wire::hosts::HostFlow,
};

use super::bucket::is_let_through;
use crate::{
    helpers::{add, load},
    sockets::Socket,
};

/// Some thousand messages between two looks of the agent: of a few sources at their full rate while
/// the agent is busy for a tenth of a second.
const NAMES_BYTES: usize = 2 << 20;
/// Some hundred datagrams.
const DATAGRAMS_BYTES: usize = 1 << 20;

#[btf_map]
static HOST_STREAMS: SkStorage<HostStream> = SkStorage::new();

/// Source, destination, and their ports, the source's in the upper half.
pub type Ends = [u32; 9];
/// Clients whose handshakes are on their way, and have said something.
const MAX_OPENINGS: usize = 2048;

#[btf_map]
static HOST_OPENINGS: LruHashMap<Ends, HostFlow, MAX_OPENINGS> = LruHashMap::new();

#[btf_map]
static HOST_NAMES: RingBuf<HostMemory, NAMES_BYTES> = RingBuf::new();

#[btf_map]
static HOST_DATAGRAMS: RingBuf<Datagram, DATAGRAMS_BYTES> = RingBuf::new();

#[btf_map]
static HOST_COUNTS: Array<AtomicU64, { count::ALL as usize }, { BPF_F_MMAPABLE as usize }> =
    Array::new();

/// One word: 0 where nothing is to be captured.
#[btf_map]
static HOST_SWITCH: Array<AtomicU64, 1, { BPF_F_MMAPABLE as usize }> = Array::new();

/// Buckets by source.
#[btf_map]
static HOST_SOURCES: LruHashMap<SourceKey, u64, { bucket::SOURCES }> = LruHashMap::new();

/// Those that all share.
#[btf_map]
static HOST_SHARED: Array<AtomicU64, { bucket::SHARED as usize }> = Array::new();

/// The bucket of a source that has one.
#[inline(always)]
pub fn source_bucket(key: &SourceKey) -> Option<&'static AtomicU64> {
    let word = HOST_SOURCES.get_ptr(key)?;
    // SAFETY: an aligned word of the map. It may become another source's meanwhile, whose bucket is
    // then a little less full.
    Some(unsafe { &*word.cast::<AtomicU64>() })
}

/// Makes one. Where that fails the next message of the source tries again.
#[inline(always)]
pub fn new_source_bucket(key: &SourceKey, word: u64) {
    let _untold = HOST_SOURCES.insert(key, word, BPF_ANY.into());
}

/// A bucket that all share.
#[inline(always)]
pub fn shared_bucket(index: u32) -> Option<&'static AtomicU64> {
    HOST_SHARED.get(index)
}

/// Whether names are captured.
#[inline(always)]
pub fn is_on() -> bool {
    HOST_SWITCH.get(0).is_some_and(|switch| load(switch) != 0)
}

/// Counts an end or a loss.
#[inline(always)]
pub fn count(index: u32) {
    if let Some(counter) = HOST_COUNTS.get(index) {
        add(counter, 1);
    }
}

/// What is remembered of a socket's stream.
#[inline(always)]
pub fn stream(socket: Socket) -> Option<&'static mut HostStream> {
    remembered(socket, 0)
}

/// The same, all zeros where there was nothing yet.
#[inline(always)]
pub fn new_stream(socket: Socket) -> Option<&'static mut HostStream> {
    remembered(socket, u64::from(BPF_SK_STORAGE_GET_F_CREATE))
}

#[inline(always)]
fn remembered(socket: Socket, flags: u64) -> Option<&'static mut HostStream> {
    let map = ptr::from_ref(&HOST_STREAMS).cast_mut().cast();
    // SAFETY: as for the words of `sockets`.
    let memory = unsafe { bpf_sk_storage_get(map, socket.0, ptr::null_mut(), flags) };
    // SAFETY: NULL or a value of the map, which lives as long as the socket. Another CPU may write to
    // it at the same time, should two packets of one flow come there at once: then the numbers in it
    // may be any, and any numbers are valid.
    unsafe { memory.cast::<HostStream>().as_mut() }
}

/// What a client has said before there was a socket for its connection.
#[inline(always)]
pub fn opening(ends: &Ends) -> Option<&'static HostFlow> {
    let flow = HOST_OPENINGS.get_ptr(ends)?;
    // SAFETY: a value of the map, of plain numbers. It may become another connection's while we look,
    // after so many others.
    Some(unsafe { &*flow })
}

/// Remembers that. Whether there was memory.
#[inline(always)]
pub fn keep_opening(ends: &Ends, flow: &HostFlow) -> bool {
    HOST_OPENINGS.insert(ends, flow, BPF_ANY.into()).is_ok()
}

/// Forgets the stream.
#[inline(always)]
pub fn forget(socket: Socket) {
    let map = ptr::from_ref(&HOST_STREAMS).cast_mut().cast();
    // SAFETY: as in `remembered`; the value is freed after this run of the program.
    let _ = unsafe { bpf_sk_storage_delete(map, socket.0) };
}

/// Sends the agent what has been read. Whether there was room.
#[inline(always)]
pub fn tell(memory: &HostMemory) -> bool {
    if !is_let_through(&memory.sight, 0) {
        return false;
    }
    let map = ptr::from_ref(&HOST_NAMES).cast_mut().cast();
    let record = ptr::from_ref(memory).cast_mut().cast();
    // SAFETY: the record is a part of the map's value.
    let told = unsafe { bpf_ringbuf_output(map, record, HostMemory::RECORD as u64, 0) };
    if told != 0 {
        count(count::RING_FULL);
    }
    told == 0
}

/// Sends the agent a datagram that `fill` writes; it is dropped where that says so. Whether it was
/// sent.
#[inline(always)]
pub fn send(fill: impl FnOnce(*mut Datagram) -> bool) -> bool {
    let Some(mut entry) = HOST_DATAGRAMS.reserve(0) else {
        count(count::RING_FULL);
        return false;
    };
    let record: *mut MaybeUninit<Datagram> = &raw mut *entry;
    let is_filled = fill(record.cast());
    if is_filled {
        entry.submit(0);
    } else {
        entry.discard(0);
    }
    is_filled
}
