//! What one run of a program costs, by the kernel's own statistics.

use crate::{
    crowd::Crowd,
    empty::Empty,
    fleet::Fleet,
    ground::Ground,
    interrupt::Result,
    kernel_stats::{Measuring, ProgramId},
    plan::Plan,
    rounds::{Case, Name, Series, go_over},
    senders::{Pick, Senders},
};

/// One program, who makes it run, and its agent.
struct Running<'a> {
    program: ProgramId,
    senders: &'a Senders,
    pick: Pick,
    agent: Option<usize>,
}

/// The links, as the agent pins them.
const EGRESS: &str = "egress_link";
const INGRESS: &str = "ingress_link";

/// Nanoseconds a run of the empty program in both directions, and of vpnmon's.
pub fn measure(
    ground: &Ground,
    crowd: &Crowd,
    empty: &Empty,
    fleet: &Fleet<'_>,
    plan: &Plan,
) -> Result<Vec<Series>> {
    let _measuring = Measuring::start();
    let mut cases = one_socket(ground, crowd, empty);
    cases.extend(metered(ground, crowd));
    go_over("program runs", plan.program_rounds, &cases, |running| {
        fleet.only(running.agent);
        running.senders.flood_pinned(running.pick, plan.slice / 8);
        let before = running.program.runs();
        running.senders.flood_pinned(running.pick, plan.slice);
        running.program.runs().ns_a_run(before)
    })
}

fn one_socket<'a>(ground: &Ground, crowd: &'a Crowd, empty: &Empty) -> Vec<Case<Running<'a>>> {
    let home = &ground.metered[0].home;
    let (ingress, egress) = (ProgramId::pinned(home, INGRESS), ProgramId::pinned(home, EGRESS));
    let case = |key, label, program, senders, agent| Case {
        name: Name::new(key, label),
        setup: Running { program, senders, pick: Pick::One, agent },
    };
    vec![
        case("empty", "empty program", empty.egress, &crowd.empty, None),
        case("empty-ingress", "empty program, ingress", empty.ingress, &crowd.empty_sink, None),
        case("vpnmon-ingress", "vpnmon, 1 account, ingress", ingress, &crowd.metered_sink, Some(0)),
        case("vpnmon-high-uid", "vpnmon, uid 100000", egress, &crowd.high_uid, Some(0)),
    ]
}

fn metered<'a>(ground: &Ground, crowd: &'a Crowd) -> Vec<Case<Running<'a>>> {
    let mut cases = Vec::new();
    for (index, metered) in ground.metered.iter().enumerate() {
        let program = ProgramId::pinned(&metered.home, EGRESS);
        let (senders, agent) = (&crowd.metered[index], Some(index));
        for (name, pick) in metered.picks() {
            cases.push(Case { name, setup: Running { program, senders, pick, agent } });
        }
    }
    cases
}
