//! What the compiler and `core` do not give to a BPF program.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use core::sync::atomic::AtomicU64;

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_uid_gid, bpf_get_smp_processor_id,
};

/// Adds `amount` to `cell` in one step, visible to every CPU and to the agent's mapping.
///
/// `AtomicU64::fetch_add` does not exist for the target, whose description lacks compare and swap.
/// The instruction is there since the first BPF atomics; only forms that return the old value need
/// kernel 5.12.
#[inline(always)]
pub fn add(cell: &AtomicU64, amount: u64) {
    #[cfg(target_arch = "bpf")]
    // SAFETY: `cell` is a live, aligned u64 in map memory, and atomics may be written through a
    // shared reference.
    unsafe {
        core::arch::asm!(
            "lock *(u64 *)({cell} + 0) += {amount}",
            cell = in(reg) cell.as_ptr(),
            amount = in(reg) amount,
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    cell.fetch_add(amount, core::sync::atomic::Ordering::Relaxed);
}

/// Reads `cell`. A plain aligned load, which is what a relaxed one is; the backend selects no
/// atomic loads before cpu v4.
#[inline(always)]
pub fn load(cell: &AtomicU64) -> u64 {
    // SAFETY: live and aligned; one instruction, so never half a word.
    unsafe { cell.as_ptr().read_volatile() }
}

/// Writes `cell`, as [`load`] reads it.
#[inline(always)]
pub fn store(cell: &AtomicU64, word: u64) {
    // SAFETY: live and aligned; one instruction, so never half a word.
    unsafe { cell.as_ptr().write_volatile(word) }
}

/// Id of the process that runs, in the machine's own pid namespace.
#[inline(always)]
pub fn current_process_id() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// Its real uid, as the machine knows it.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is the uid")]
pub fn current_uid() -> u32 {
    bpf_get_current_uid_gid() as u32
}

/// Number of the CPU that runs the program.
#[inline(always)]
pub fn current_cpu() -> u32 {
    // SAFETY: has no arguments.
    unsafe { bpf_get_smp_processor_id() }
}
