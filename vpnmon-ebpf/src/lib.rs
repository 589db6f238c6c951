//! vpnmon's kernel programs: what happens to a packet between the hook and its row.
//!
//! `main.rs` holds the entry points. A packet goes through [`packet`] (how big is it on the wire),
//! [`owner`] (whose is it) and [`meter`] (add it up). On the host this is an ordinary library.

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

pub mod helpers;
pub mod maps;
pub mod meter;
pub mod owner;
pub mod packet;
