//! Memory to read a packet in, lent for as long as that takes.
//!
//! Most hellos come in one packet. Read in lent memory, their sockets need none of their own: to make
//! that and to free it would cost more than the reading.

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]
#![allow(clippy::multiple_unsafe_ops_per_block, reason = "one word from here to there")]

use core::{mem::size_of, ptr};

use aya_ebpf::{
    bindings::BPF_ANY,
    btf_maps::{Array, Stack},
    macros::btf_map,
};
use vpnmon_common::{
    host::{HostMemory, SCRATCHES},
    wire::hosts::HostFlow,
};

#[btf_map]
static HOST_SCRATCH: Array<HostMemory, { SCRATCHES as usize }> = Array::new();

/// Those that nobody has; filled by the agent. A stack and not one for each CPU: a task can be
/// interrupted by a softirq and by other tasks while it reads.
#[btf_map]
static FREE_SCRATCHES: Stack<u32, { SCRATCHES as usize }> = Stack::new();

/// Lends one, which nobody else has until it is [`give_back`].
#[inline(always)]
pub fn lend() -> Option<u32> {
    FREE_SCRATCHES.pop().ok().flatten()
}

/// The memory of one that was lent.
#[inline(always)]
pub fn memory(scratch: u32) -> Option<&'static mut HostMemory> {
    let memory = HOST_SCRATCH.get_ptr_mut(scratch)?;
    // SAFETY: a value of the map, and nobody else's before it is given back.
    Some(unsafe { &mut *memory })
}

/// Takes one back.
#[inline(always)]
pub fn give_back(scratch: u32) {
    // Cannot be full: this one came out of it a moment ago.
    let _ = FREE_SCRATCHES.push(scratch, u64::from(BPF_ANY));
}

/// Copies a flow, in words that the verifier sees one by one: what the compiler makes of a plain copy
/// is a loop over bytes.
#[inline(always)]
pub fn copy(from: &HostFlow, to: &mut HostFlow) {
    let from = ptr::from_ref(from).cast::<u32>();
    let to = ptr::from_mut(to).cast::<u32>();
    for word in 0..size_of::<HostFlow>() / size_of::<u32>() {
        // SAFETY: within both, which are aligned to such words and hold plain numbers.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) }
    }
}
