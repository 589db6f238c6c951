//! How long a run takes: what is measured, and how often.

use std::time::Duration;

/// Rounds and times of a run. A round goes once over everything that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Accounts of the metered cgroups, rising; the first is one.
    pub accounts: [u32; 4],
    /// Rounds of the packet path.
    pub path_rounds: u32,
    /// Rounds of the kernel's run statistics.
    pub program_rounds: u32,
    /// Time of one configuration in one of these rounds.
    pub slice: Duration,
    /// Rounds of TCP.
    pub tcp_rounds: u32,
    /// Payload of one transfer.
    pub tcp_bytes: u64,
    /// Rounds of the agents' CPU time, once idle and once under load.
    pub agent_rounds: u32,
    /// Time of one agent in one of these rounds.
    pub agent_slice: Duration,
    /// Datagrams followed to the control socket, in each of these rounds.
    pub fresh_samples: u32,
    /// Rounds of two lives of each agent: one idle, one under load.
    pub drain_rounds: u32,
    /// Time of each of these lives.
    pub drain_life: Duration,
}

impl Plan {
    /// About five minutes.
    pub const FULL: Self = Self {
        accounts: [1, 1_000, 10_000, 50_000],
        path_rounds: 150,
        program_rounds: 100,
        slice: Duration::from_millis(20),
        tcp_rounds: 60,
        tcp_bytes: 128 << 20,
        agent_rounds: 4,
        agent_slice: Duration::from_millis(1500),
        fresh_samples: 50,
        drain_rounds: 4,
        drain_life: Duration::from_secs(1),
    };

    /// About half a minute: fewer accounts, fewer rounds.
    pub const QUICK: Self = Self {
        accounts: [1, 100, 1_000, 5_000],
        path_rounds: 20,
        program_rounds: 15,
        slice: Duration::from_millis(15),
        tcp_rounds: 10,
        tcp_bytes: 64 << 20,
        agent_rounds: 1,
        agent_slice: Duration::from_millis(800),
        fresh_samples: 20,
        drain_rounds: 1,
        drain_life: Duration::from_millis(800),
    };

    /// The highest number of accounts.
    pub fn most(&self) -> u32 {
        self.accounts.into_iter().max().unwrap_or_default()
    }
}
