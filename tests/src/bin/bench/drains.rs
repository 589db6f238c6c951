//! What the agents say of their drains, each in two more lives: one idle, one under load.

use std::thread;

use vpnmon_tests::agent::{Agent, Drains};

use crate::{
    agents::flood,
    interrupt::{self, Result},
    lab::{Crowd, Ground},
    plan::Plan,
    progress::Progress,
};

/// The drains of one agent.
pub struct Lives {
    /// Nobody sends.
    pub idle: Drains,
    /// Any of the accounts sends as fast as it can.
    pub load: Drains,
}

/// By agent, in the order of [`Ground::metered`]; none runs any more.
pub fn measure(ground: &Ground, crowd: &Crowd, plan: &Plan) -> Result<Vec<Lives>> {
    let progress = Progress::new("drains", u32::try_from(ground.metered.len()).unwrap_or(0));
    let mut lives = Vec::new();
    for (round, index) in (0..ground.metered.len()).enumerate() {
        progress.at(u32::try_from(round).unwrap_or(0));
        let idle = life(ground, index, || thread::sleep(plan.drain_life))?;
        let load = life(ground, index, || flood(crowd, ground, index, plan.drain_life))?;
        lives.push(Lives { idle, load });
    }
    Ok(lives)
}

fn life(ground: &Ground, index: usize, work: impl FnOnce()) -> Result<Drains> {
    interrupt::check()?;
    let agent = Agent::start(&ground.metered[index].home);
    work();
    Ok(agent.terminate())
}
