//! Entry points of the metering programs.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![allow(unsafe_code, reason = "entry points and the license are exported by name")]
#![allow(clippy::needless_pass_by_value, reason = "the attribute macro hands the context over")]
#![allow(
    clippy::inline_always,
    reason = "a BPF function call passes no context that the verifier could follow"
)]
#![allow(missing_docs, reason = "the attribute macro wraps each program in an undocumented one")]

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC},
    macros::{cgroup_skb, cgroup_sock, classifier},
    programs::{RawTracePointContext, SkBuffContext, SockContext, TcContext},
};
use vpnmon_ebpf::{
    errand, hosts, interface, limit::Verdict, meter, mptcp, packet::Direction, session,
};

/// Answer of a cgroup program: let the packet pass, let the socket be.
const PASS: i32 = 1;
/// Answer of a cgroup program: drop the packet. Whoever sends gets EPERM.
const DROP: i32 = 0;

/// Counts what local sockets send.
#[cgroup_skb(egress)]
pub fn vpnmon_egress(ctx: SkBuffContext) -> i32 {
    count(&ctx, Direction::Egress)
}

/// Counts what local sockets receive.
#[cgroup_skb(ingress)]
pub fn vpnmon_ingress(ctx: SkBuffContext) -> i32 {
    count(&ctx, Direction::Ingress)
}

#[inline(always)]
fn count(ctx: &SkBuffContext, direction: Direction) -> i32 {
    let (owner, verdict) = meter::count(ctx, direction);
    match verdict {
        Verdict::Pass => {
            hosts::look(ctx, direction, owner);
            PASS
        }
        Verdict::Drop => DROP,
    }
}

/// Tags the sockets that sessions make.
#[cgroup_sock(sock_create)]
pub fn vpnmon_socket(ctx: SockContext) -> i32 {
    session::tag(&ctx);
    PASS
}

/// Counts what an interface sends.
#[classifier]
pub fn vpnmon_tc_egress(ctx: TcContext) -> i32 {
    action(interface::egress(&ctx))
}

/// Counts what an interface receives.
#[classifier]
pub fn vpnmon_tc_ingress(ctx: TcContext) -> i32 {
    action(interface::ingress(&ctx))
}

/// What passes is the next filter's to judge, as if this one were not there.
#[inline(always)]
const fn action(verdict: Verdict) -> i32 {
    match verdict {
        Verdict::Pass => TC_ACT_UNSPEC,
        Verdict::Drop => TC_ACT_SHOT,
    }
}

/// Is attached to nothing: the agent runs it. By hand, for the attribute macro of this program type
/// answers 0 whatever the function does.
#[unsafe(no_mangle)]
#[unsafe(link_section = "raw_tracepoint")]
pub extern "C" fn vpnmon_errand(ctx: *mut c_void) -> u32 {
    errand::run(&RawTracePointContext::new(ctx))
}

/// Runs once for each TCP socket when the agent reads what it makes, which is nothing. By hand, for there is
/// no attribute macro for this program type.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub extern "C" fn vpnmon_listeners(ctx: *mut c_void) -> i32 {
    mptcp::pass_tag_on(mptcp::Visit::new(ctx));
    0
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
