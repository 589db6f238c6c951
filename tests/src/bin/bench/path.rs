//! What a packet costs on its way: from the send call to the receiver's buffer.

use std::time::Duration;

use crate::{
    crowd::Crowd,
    fleet::Fleet,
    ground::Ground,
    interrupt::Result,
    plan::Plan,
    rounds::{Case, Name, Series, go_over},
    senders::{Pick, Senders},
};

/// Before each measurement: caches, and the agent that was woken for it.
const WARM_UP: Duration = Duration::from_millis(2);

/// Who sends, and which agent meters it.
struct Path<'a> {
    senders: &'a Senders,
    pick: Pick,
    agent: Option<usize>,
}

/// Nanoseconds a datagram of everything whose path is compared.
pub fn measure(
    ground: &Ground,
    crowd: &Crowd,
    fleet: &Fleet<'_>,
    plan: &Plan,
) -> Result<Vec<Series>> {
    let mut cases = unmetered(crowd, plan);
    cases.extend(metered(ground, crowd));
    cases.extend(firewalls(crowd));
    go_over("packet path", plan.path_rounds, &cases, |path| {
        fleet.only(path.agent);
        path.senders.flood_pinned(path.pick, WARM_UP);
        path.senders.cost(path.pick, plan.slice)
    })
}

fn unmetered<'a>(crowd: &'a Crowd, plan: &Plan) -> Vec<Case<Path<'a>>> {
    let case = |name, senders, pick| Case { name, setup: Path { senders, pick, agent: None } };
    let (bare, empty) = (Name::new("bare", "bare"), Name::new("empty", "empty program"));
    let any = |name: &Name, accounts| {
        name.and(&format!("any-{accounts}"), &format!("any of {accounts} sockets"))
    };
    let one =
        [case(bare.clone(), &crowd.bare, Pick::One), case(empty.clone(), &crowd.empty, Pick::One)];
    let many = plan
        .accounts
        .into_iter()
        .filter(|accounts| *accounts > 1)
        .map(|accounts| case(any(&bare, accounts), &crowd.bare, Pick::AnyOf(accounts)));
    let most = plan.most();
    let all = case(any(&empty, most), &crowd.empty, Pick::AnyOf(most));
    one.into_iter().chain(many).chain([all]).collect()
}

fn metered<'a>(ground: &Ground, crowd: &'a Crowd) -> Vec<Case<Path<'a>>> {
    let mut cases = Vec::new();
    for (index, metered) in ground.metered.iter().enumerate() {
        let (senders, agent) = (&crowd.metered[index], Some(index));
        for (name, pick) in metered.picks() {
            cases.push(Case { name, setup: Path { senders, pick, agent } });
        }
    }
    cases
}

fn firewalls(crowd: &Crowd) -> Vec<Case<Path<'_>>> {
    let paths = crowd.firewalls.iter().map(|firewall| Case {
        name: firewall.name.clone(),
        setup: Path { senders: &firewall.senders, pick: Pick::One, agent: None },
    });
    paths.collect()
}
