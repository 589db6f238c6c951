//! What the checks hand on to each other: one agent's life on one kernel.

use std::collections::BTreeSet;

use vpnmon_tests::{agent::Agent, bpf, home::Home};

use crate::{
    traffic::{ROWS, Rows},
    tunnel::Tunnels,
};

/// Where the agent lives, and what is known about it so far.
pub struct Stage<'a> {
    /// Of every agent of this guest.
    pub home: &'a Home,
    /// Runs from `load` to `pinned` and again from `adopt` to `detach`.
    pub agent: Option<Agent<'a>>,
    /// All traffic since `load`.
    pub expected: Rows,
    /// Those that were loaded before the first agent.
    pub foreign_programs: BTreeSet<u32>,
    /// The map of counters, from `load` on.
    pub counters: BTreeSet<u32>,
    /// From `tunnel` on.
    pub tunnels: Option<Tunnels>,
    /// Of alice's usage file before the first agent died.
    pub epoch: Option<String>,
}

impl<'a> Stage<'a> {
    /// Before the first agent.
    pub fn new(home: &'a Home) -> Self {
        Self {
            home,
            agent: None,
            expected: Rows::default(),
            foreign_programs: bpf::programs(),
            counters: BTreeSet::new(),
            tunnels: None,
            epoch: None,
        }
    }

    /// The running agent.
    pub fn agent(&self) -> &Agent<'a> {
        self.agent.as_ref().unwrap_or_else(|| panic!("no agent runs"))
    }

    /// Waits until each row is at all traffic so far, to the byte.
    pub fn rows_are_exact(&self) {
        for ((service, name), bytes) in ROWS.iter().zip(self.expected.0) {
            self.agent().reaches_in(service, name, bytes);
        }
    }
}
