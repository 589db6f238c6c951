//! Test-only programs: count what the metering programs see, without owners or slots.
//!
//! The system tests attach them to the same cgroup and compare: the rows must add up to this.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![allow(unsafe_code, reason = "entry points and the license are exported by name")]
#![allow(clippy::needless_pass_by_value, reason = "the attribute macro hands the context over")]
#![allow(clippy::inline_always, reason = "as in the library")]
#![allow(missing_docs, reason = "the attribute macro wraps each program in an undocumented one")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::{
    btf_maps::PerCpuArray,
    macros::{btf_map, cgroup_skb},
    programs::SkBuffContext,
};
use vpnmon_ebpf::{helpers::add, packet::Packet};

/// Verdict of a cgroup_skb program: let the packet pass.
const PASS: i32 = 1;

/// Four cells a direction: wire bytes, wire packets, bytes as the buffers came, buffers.
const CELLS: u32 = 8;
const EGRESS: u32 = 0;
const INGRESS: u32 = 4;

#[btf_map]
static WITNESS: PerCpuArray<AtomicU64, { CELLS as usize }> = PerCpuArray::new();

/// Adds up what local sockets send.
#[cgroup_skb(egress)]
pub fn witness_egress(ctx: SkBuffContext) -> i32 {
    note(&ctx, EGRESS);
    PASS
}

/// Adds up what local sockets receive.
#[cgroup_skb(ingress)]
pub fn witness_ingress(ctx: SkBuffContext) -> i32 {
    note(&ctx, INGRESS);
    PASS
}

#[inline(always)]
fn note(ctx: &SkBuffContext, first_cell: u32) {
    let size = Packet(ctx).wire_size();
    bump(first_cell, size.bytes);
    bump(first_cell + 1, size.packets);
    bump(first_cell + 2, u64::from(ctx.len()));
    bump(first_cell + 3, 1);
}

/// In one step: an egress run can be preempted, or interrupted by a softirq that sends, between the
/// load and the store of a plain addition.
#[inline(always)]
fn bump(cell: u32, amount: u64) {
    if let Some(sum) = WITNESS.get(cell) {
        add(sum, amount);
    }
}

/// Some helpers are lent to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier would not load a program that could.
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
