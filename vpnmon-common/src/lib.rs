//! The contract between vpnmon's kernel programs and its agent: the records they share, the names
//! of maps and programs, and the packet arithmetic both sides must agree on.
//!
//! Everything here is plain data or pure functions, so it is tested on the host and runs unchanged
//! in the kernel.

#![no_std]
#![allow(
    clippy::inline_always,
    reason = "the kernel programs need these as part of themselves: a call passes no references to packets"
)]
#![forbid(unsafe_code)]

pub mod bucket;
pub mod errand;
pub mod flow;
pub mod host;
pub mod interface;
pub mod limit;
pub mod names;
pub mod owner;
pub mod session;
pub mod slot;
pub mod wire;
