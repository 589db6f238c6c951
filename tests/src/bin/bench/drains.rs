//! What the agents say of their drains, each in more lives: idle ones, and ones under load.

use std::thread;

use vpnmon_tests::agent::{Agent, Drains};

use crate::{
    agents::flood,
    crowd::Crowd,
    figures::float,
    ground::Ground,
    interrupt::{self, Result},
    plan::Plan,
    progress::Progress,
};

/// The drains of one agent, all lives together.
#[derive(Clone, Copy)]
pub struct Lives {
    /// Nobody sends.
    pub idle: Drains,
    /// Any of the accounts sends as fast as it can.
    pub load: Drains,
}

/// By agent, in the order of [`Ground::metered`]; none runs any more.
pub fn measure(ground: &Ground, crowd: &Crowd, plan: &Plan) -> Result<Vec<Lives>> {
    let progress = Progress::new("drains", plan.drain_rounds);
    let none = Drains { count: 0, mean_us: 0.0, longest_us: 0.0 };
    let mut all = vec![Lives { idle: none, load: none }; ground.metered.len()];
    for round in 0..plan.drain_rounds {
        progress.at(round);
        for (index, lives) in all.iter_mut().enumerate() {
            let idle = life(ground, index, || thread::sleep(plan.drain_life))?;
            let load = life(ground, index, || flood(crowd, ground, index, plan.drain_life))?;
            *lives = Lives { idle: together(lives.idle, idle), load: together(lives.load, load) };
        }
    }
    Ok(all)
}

fn life(ground: &Ground, index: usize, work: impl FnOnce()) -> Result<Drains> {
    interrupt::check()?;
    let agent = Agent::start(&ground.metered[index].home);
    work();
    Ok(agent.terminate())
}

fn together(a: Drains, b: Drains) -> Drains {
    let (weight_a, weight_b) = (float(a.count), float(b.count));
    let mean_us = (a.mean_us * weight_a + b.mean_us * weight_b) / (weight_a + weight_b);
    let longest_us = a.longest_us.max(b.longest_us);
    Drains { count: a.count + b.count, mean_us, longest_us }
}
