//! Entry points of the metering programs.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![allow(unsafe_code, reason = "entry points and the license are exported by name")]
#![allow(clippy::needless_pass_by_value, reason = "the attribute macro hands the context over")]
#![allow(missing_docs, reason = "the attribute macro wraps each program in an undocumented one")]

use aya_ebpf::{macros::cgroup_skb, programs::SkBuffContext};
use vpnmon_ebpf::{meter, packet::Direction};

/// Verdict of a cgroup_skb program: let the packet pass.
const PASS: i32 = 1;

/// Counts what local sockets send.
#[cgroup_skb(egress)]
pub fn vpnmon_egress(ctx: SkBuffContext) -> i32 {
    meter::count(&ctx, Direction::Egress);
    PASS
}

/// Counts what local sockets receive.
#[cgroup_skb(ingress)]
pub fn vpnmon_ingress(ctx: SkBuffContext) -> i32 {
    meter::count(&ctx, Direction::Ingress);
    PASS
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
