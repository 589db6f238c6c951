//! Harness of the system tests: real kernel, real sockets, real servers, nothing simulated.
//!
//! Guards own what a test makes on the machine (agent, namespaces, users, cgroups, processes) and
//! take it away when they drop, also while panicking. A test takes [`machine::Machine`] first.
//! Nothing here skips: without root or a needed program a test fails and says why.

#![expect(clippy::must_use_candidate, reason = "some commands are run for what they do")]
#![expect(clippy::panic, reason = "a harness fails by panicking")]
#![expect(
    clippy::missing_panics_doc,
    reason = "every function here panics when the machine refuses"
)]

pub mod agent;
pub mod auth_log;
pub mod belongings;
pub mod bpf;
pub mod browser;
pub mod cgroup;
pub mod datagram;
pub mod disk;
pub mod doctor;
pub mod figures;
pub mod flow;
pub mod front;
pub mod gateway;
pub mod hello;
pub mod home;
pub mod hook;
pub mod http;
pub mod imitation;
pub mod journal;
pub mod link;
pub mod machine;
pub mod namespace;
pub mod nft;
pub mod order;
pub mod process;
pub mod prometheus;
pub mod segments;
pub mod ssh;
pub mod status;
pub mod tap;
pub mod tmux;
pub mod tun;
pub mod tunnel;
pub mod usage;
pub mod user;
pub mod visit;
pub mod wait;
pub mod witness;
pub mod xray;
