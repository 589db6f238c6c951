//! One scenario from its first namespace to its rows.

use std::{collections::HashSet, thread, time::Duration};

use vpnmon_tests::{agent::Agent, namespace::Namespace, nft::Count, status::Bytes};

use crate::{
    afterlife::Afterlife,
    capture::Capture,
    cast::{Cast, Waiting, reached},
    network::{End, Network},
    packet::Packets,
    peers::{Peers, Views},
    play::{Play, plays},
    report::Row,
    scenario::{Due, Place, Scenario},
    truth::Truth,
};

const MINUTE: Duration = Duration::from_mins(1);
const IPV4_HEADER: u64 = 20;

/// Rows that still lack what slow tools say.
pub struct Pending {
    rows: Vec<Row>,
    views: thread::JoinHandle<Vec<Views>>,
}

struct Stage<'a> {
    scenario: &'a Scenario,
    cast: &'a Cast,
    network: Network,
    truth: Truth,
    afterlife: Option<Capture<Afterlife>>,
    peers: Peers,
    waiting: Option<Waiting>,
}

/// All of it, but for what tools say seconds later.
pub fn run(scenario: &Scenario, serial: usize, cast: &Cast, agent: &Agent<'_>) -> Pending {
    let before = cast.rows(agent);
    let mut stage = Stage::set(scenario, serial, cast);
    stage.play();
    stage.judge(agent, before)
}

impl<'a> Stage<'a> {
    fn set(scenario: &'a Scenario, serial: usize, cast: &'a Cast) -> Self {
        let name = format!("near{serial}");
        let waiting = wait_inside(scenario, cast);
        let near = match &waiting {
            Some(waiting) => Namespace::of_process(&name, waiting.process.id()),
            None => Namespace::new(&name),
        };
        let mut network = Network::new(near, scenario.shape, serial);
        let kinds = packets(scenario);
        let mut truth = Truth::new(&network, &kinds);
        network.up();
        truth.start(&network);
        let (near, device) = (network.at(End::Near), network.device());
        let afterlife = (scenario.due == Due::OfSockets)
            .then(|| Capture::start(&near.name, device, Afterlife::of(&kinds)));
        let peers = Peers::start(near, device, &cast.uids());
        Self { scenario, cast, network, truth, afterlife, peers, waiting }
    }

    fn play(&mut self) {
        let (near, far) = (self.network.at(End::Near), self.network.at(End::Far));
        let plays = plays(self.scenario, &near.name, &far.name);
        let actors = || plays.iter().zip(&self.cast.users);
        let servers: Vec<_> =
            actors().flat_map(|(play, user)| play.servers(user, &self.cast.peer)).collect();
        if let Some(waiting) = self.waiting.take() {
            waiting.go(MINUTE);
        } else {
            let clients: Vec<_> = actors().map(|(play, user)| play.client(user).start()).collect();
            for client in clients {
                client.success(MINUTE);
            }
        }
        for server in servers {
            server.success(MINUTE);
        }
    }

    fn judge(self, agent: &Agent<'_>, before: [Bytes; 2]) -> Pending {
        let Self { scenario, cast, network, truth, afterlife, peers, .. } = self;
        let mut settled = truth.settle(&network);
        let gone = match afterlife.map(Capture::finish) {
            Some(Ok(afterlife)) => afterlife.bytes,
            Some(Err(why)) => {
                settled.doubts.push(why);
                Bytes::default()
            }
            None => Bytes::default(),
        };
        let mut rows: Vec<_> = plays(scenario, "", "")
            .into_iter()
            .map(|play| {
                let (up, down) = play.traffic.packets(play.port);
                let counts = settled.of(&up, &down);
                Row::new(scenario, play.traffic, counts, due(scenario.due, play, counts, gone))
            })
            .collect();
        if scenario.place == Place::Disguise {
            rows.push(Row::of_other(scenario));
        }
        number(&mut rows);
        for ((row, user), before) in rows.iter_mut().zip(&cast.users).zip(before) {
            row.vpnmon = Some(reached(agent, user, before, row.due));
            row.doubts.clone_from(&settled.doubts);
        }
        let uids = cast.uids();
        let views = thread::spawn(move || peers.finish(network.at(End::Near), &uids));
        Pending { rows, views }
    }
}

fn due(due: Due, play: Play<'_>, counts: [Count; 2], gone: Bytes) -> Bytes {
    let [up, down] = counts;
    let truth = Bytes { up: up.bytes, down: down.bytes };
    let further = |count: Count| IPV4_HEADER * (count.packets - play.traffic.datagrams());
    match due {
        Due::All => truth,
        Due::OfSockets => Bytes { up: truth.up - gone.up, down: truth.down - gone.down },
        Due::Unfragmented => Bytes { up: truth.up - further(up), down: truth.down - further(down) },
        Due::Nothing => Bytes::default(),
    }
}

/// The user of a container is there before its network, which it brings along.
fn wait_inside(scenario: &Scenario, cast: &Cast) -> Option<Waiting> {
    let inside = match scenario.place {
        Place::Host => return None,
        Place::Container => 0,
        Place::Disguise => cast.users[1].uid,
    };
    let play = plays(scenario, "", "").into_iter().next()?;
    Some(Waiting::new(&cast.users[0], inside, play.role()))
}

/// All that anybody's traffic consists of, each once.
fn packets(scenario: &Scenario) -> Vec<Packets> {
    let mut all = Vec::new();
    for play in plays(scenario, "", "") {
        let (up, down) = play.traffic.packets(play.port);
        all.extend(up.into_iter().chain(down));
    }
    let mut seen = HashSet::new();
    all.retain(|packets| seen.insert(*packets));
    all
}

/// Several rows of one scenario are told apart by number, unless they have names.
fn number(rows: &mut [Row]) {
    if rows.len() > 1 && rows.iter().all(|row| row.name == rows[0].name) {
        for (index, row) in rows.iter_mut().enumerate() {
            row.name = format!("{}, {}", row.name, index + 1);
        }
    }
}

impl Pending {
    /// The rows as they are, complete.
    pub fn finish(mut self) -> Vec<Row> {
        match self.views.join() {
            Ok(views) => self.rows.iter_mut().zip(views).for_each(|(row, views)| row.peers = views),
            Err(_) => self.rows.iter_mut().for_each(|row| {
                row.notes.push("the other tools failed, see above".to_owned());
            }),
        }
        self.rows
    }
}
