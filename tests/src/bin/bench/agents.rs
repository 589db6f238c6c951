//! What the agent itself costs, and how fresh its figures are.

use std::{thread, time::Duration};

use crate::{
    crowd::Crowd,
    fleet::Fleet,
    freshness::Probes,
    ground::Ground,
    interrupt::Result,
    plan::Plan,
    process_cost::{cpu_percent, resident_mib},
    rounds::{Case, Series, go_over},
    senders::Pick,
};

/// One value or series an agent, in the order of [`Ground::metered`].
pub struct AgentCosts {
    /// Percent of a core.
    pub idle_cpu: Vec<Series>,
    /// MiB.
    pub idle_resident: Vec<f64>,
    /// Percent of a core while any of the accounts sends as fast as it can.
    pub load_cpu: Vec<Series>,
    /// MiB after that.
    pub load_resident: Vec<f64>,
    /// Milliseconds from a send to the answer that shows it.
    pub idle_freshness: Vec<Vec<f64>>,
    /// The same under load.
    pub load_freshness: Vec<Vec<f64>>,
}

/// Idle first, because an agent goes on writing files for a while after a load.
pub fn measure(
    ground: &Ground,
    crowd: &Crowd,
    fleet: &Fleet<'_>,
    plan: &Plan,
) -> Result<AgentCosts> {
    let agents = 0..ground.metered.len();
    let cases: Vec<_> = agents.clone().map(|index| case(ground, index)).collect();
    let (rounds, length) = (plan.agent_rounds, plan.agent_slice);
    fleet.settle()?;
    let idle_cpu = go_over("idle agents", rounds, &cases, |index| {
        fleet.only(Some(*index));
        cpu_percent(fleet.id(*index), || thread::sleep(length))
    })?;
    let resident = || agents.clone().map(|index| resident_mib(fleet.id(index))).collect();
    let idle_resident = resident();
    let mut fresh = Probes::new(ground, crowd);
    go_over("freshness, idle agents", rounds, &cases, |index| {
        fleet.only(Some(*index));
        fresh.samples(*index, plan.fresh_samples)
    })?;
    let idle_freshness = fresh.take();
    let load_cpu = go_over("agents under load", rounds, &cases, |index| {
        fleet.only(Some(*index));
        cpu_percent(fleet.id(*index), || flood(crowd, ground, *index, length))
    })?;
    let load_resident = resident();
    go_over("freshness under load", rounds, &cases, |index| {
        fleet.only(Some(*index));
        thread::scope(|scope| {
            let load = scope.spawn(|| flood(crowd, ground, *index, length));
            fresh.samples_while(*index, || !load.is_finished())
        })
    })?;
    let load_freshness = fresh.take();
    Ok(AgentCosts {
        idle_cpu,
        idle_resident,
        load_cpu,
        load_resident,
        idle_freshness,
        load_freshness,
    })
}

fn case(ground: &Ground, index: usize) -> Case<usize> {
    Case { name: ground.metered[index].name.clone(), setup: index }
}

/// Any of the accounts sends.
pub fn flood(crowd: &Crowd, ground: &Ground, index: usize, length: Duration) {
    crowd.metered[index].flood(Pick::AnyOf(ground.metered[index].accounts), length);
}
