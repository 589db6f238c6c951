//! Test-only programs that do nothing: what any program at these hooks costs.
//!
//! The benchmark attaches them where it attaches the metering programs, and subtracts.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![allow(unsafe_code, reason = "entry points are exported by name")]
#![allow(clippy::needless_pass_by_value, reason = "the attribute macro hands the context over")]
#![allow(missing_docs, reason = "the attribute macro wraps each program in an undocumented one")]

use aya_ebpf::{macros::cgroup_skb, programs::SkBuffContext};

/// Verdict of a cgroup_skb program: let the packet pass.
const PASS: i32 = 1;

/// For what local sockets send.
#[cgroup_skb(egress)]
pub fn empty_egress(_ctx: SkBuffContext) -> i32 {
    PASS
}

/// For what local sockets receive.
#[cgroup_skb(ingress)]
pub fn empty_ingress(_ctx: SkBuffContext) -> i32 {
    PASS
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never reached: the verifier would not load a program that could.
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
