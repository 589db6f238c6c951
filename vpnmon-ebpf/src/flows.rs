//! What goes to a host and comes back, by flow: a row for each socket whose host is known.

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_F_MMAPABLE},
    btf_maps::{Array, Stack},
    macros::btf_map,
};
use vpnmon_common::{
    flow::{Flow, FlowRow, MAX_FLOWS, index},
    slot::MARKS_A_VALUE,
};

use crate::{
    helpers::{add, load, store},
    packet::Direction,
    sockets::Socket,
};

#[btf_map]
static FLOWS: Array<FlowRow, { MAX_FLOWS as usize }, { BPF_F_MMAPABLE as usize }> = Array::new();

#[btf_map]
static FLOW_MARKS: Array<
    [u8; MARKS_A_VALUE as usize],
    { (MAX_FLOWS / MARKS_A_VALUE) as usize },
    { BPF_F_MMAPABLE as usize },
> = Array::new();

// The last one given back is the next one out: its row is in a cache, and the marks of the others
// stay zero.
#[btf_map]
static FREE_FLOWS: Stack<Flow, { MAX_FLOWS as usize }> = Stack::new();

/// Adds a packet to `flow`, unless that is 0 or over.
#[inline(always)]
pub fn add_to(flow: Flow, direction: Direction, bytes: u64) {
    if flow == 0 {
        return;
    }
    let Some(row) = FLOWS.get(index(flow)) else { return };
    if load(&row.flow) != flow {
        return;
    }
    add(
        match direction {
            Direction::Egress => &row.uplink_bytes,
            Direction::Ingress => &row.downlink_bytes,
        },
        bytes,
    );
    mark_moved(index(flow));
}

/// As [`crate::maps::mark_moved`].
#[inline(always)]
fn mark_moved(index: u32) {
    let Some(marks) = FLOW_MARKS.get_ptr_mut(index / MARKS_A_VALUE) else { return };
    let mark = marks.cast::<u8>().wrapping_add((index % MARKS_A_VALUE) as usize);
    // SAFETY: a byte of the value; read and written in one instruction each.
    if unsafe { mark.read_volatile() } == 0 {
        // SAFETY: as above.
        unsafe { mark.write_volatile(1) }
    }
}

/// A flow that nobody has; 0 where all are taken.
#[inline(always)]
pub fn claim() -> Flow {
    FREE_FLOWS.pop().ok().flatten().unwrap_or(0)
}

/// The flow that the socket counts in, else one that nobody has, else 0.
#[inline(always)]
pub fn claim_once(socket: Socket) -> Flow {
    let Some(memory) = socket.memory() else { return 0 };
    let flow = load(&memory.flow);
    if is_counting(flow) { flow } else { claim() }
}

/// Whether packets still add to `flow`.
#[inline(always)]
pub fn is_counting(flow: Flow) -> bool {
    flow != 0 && FLOWS.get(index(flow)).is_some_and(|row| load(&row.flow) == flow)
}

/// The agent was told of a claimed flow: the socket counts in it from now on. Or it was not: the flow
/// is nobody's again, unless the socket had it before.
#[inline(always)]
pub fn keep(socket: Socket, flow: Flow, is_told: bool) {
    if flow == 0 {
        return;
    }
    let Some(memory) = socket.memory() else { return give_back(flow) };
    if is_told {
        store(&memory.flow, flow);
    } else if load(&memory.flow) != flow {
        give_back(flow);
    }
}

/// Puts a flow from [`claim`] back.
#[inline(always)]
pub fn give_back(flow: Flow) {
    // Cannot be full: this one came out of it a moment ago.
    let _ = FREE_FLOWS.push(flow, u64::from(BPF_ANY));
}
