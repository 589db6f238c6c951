//! vpnmon's kernel programs: what happens to a packet between the hook and its row.
//!
//! `main.rs` holds the entry points. A packet goes through [`packet`] (how big is it on the wire),
//! [`owner`] (whose is it), [`meter`] (add it up) and [`limit`] (unless it would be too much). On the host this is an ordinary library.

#![no_std]
#![allow(
    clippy::inline_always,
    reason = "a BPF function call passes no map or context references that the verifier could follow"
)]
#![cfg_attr(
    target_arch = "bpf",
    allow(unstable_features, reason = "inline assembly for BPF is not stable yet"),
    feature(asm_experimental_arch)
)]

pub mod errand;
pub mod flows;
pub mod forward;
pub mod frame;
pub mod helpers;
pub mod hosts;
pub mod interface;
pub mod interface_maps;
pub mod kernel;
pub mod limit;
pub mod maps;
pub mod meter;
pub mod mptcp;
pub mod owner;
pub mod packet;
pub mod session;
pub mod sockets;
