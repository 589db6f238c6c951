//! The agents under test.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use vpnmon_tests::agent::Agent;

use crate::{
    ground::Ground,
    interrupt::{self, Result},
    process_cost::cpu_percent,
    progress::Progress,
};

/// Longest wait for agents that write down new accounts.
const SETTLES: Duration = Duration::from_mins(3);
/// Longer than from one write to the next: a batch rests four times as long as it took.
const LOOK: Duration = Duration::from_secs(5);
/// An agent that takes less of a core has nothing left to write.
const QUIET_PERCENT: f64 = 5.0;

/// The agents, of which only the one under test runs.
pub struct Fleet<'a> {
    agents: Vec<Agent<'a>>,
    running: Cell<Option<usize>>,
}

impl<'a> Fleet<'a> {
    /// Starts one on each metered cgroup; all run.
    pub fn start(ground: &'a Ground) -> Self {
        let agents = ground.metered.iter().map(|metered| Agent::start(&metered.home)).collect();
        Self { agents, running: Cell::new(None) }
    }

    /// Stops all but this one, which goes on.
    pub fn only(&self, index: Option<usize>) {
        if self.running.replace(index) == index && index.is_some() {
            return;
        }
        self.agents.iter().for_each(Agent::pause);
        if let Some(index) = index {
            self.agents[index].resume();
        }
    }

    /// All go on.
    pub fn all(&self) {
        self.running.set(None);
        self.agents.iter().for_each(Agent::resume);
    }

    /// Waits until all have written down all of their accounts, and none has work left.
    pub fn settle(&self) -> Result<()> {
        self.all();
        let _progress = Progress::new("agents writing down their accounts", 1);
        let started = Instant::now();
        for agent in &self.agents {
            while cpu_percent(agent.id(), || thread::sleep(LOOK)) > QUIET_PERCENT {
                interrupt::check()?;
                assert!(started.elapsed() < SETTLES, "an agent is still busy");
            }
        }
        Ok(())
    }

    /// Process id of one.
    pub fn id(&self, index: usize) -> u32 {
        self.agents[index].id()
    }

    /// Ends all, each in good order.
    pub fn terminate(self) {
        self.all();
        for agent in self.agents {
            let _ = agent.terminate();
        }
    }
}
