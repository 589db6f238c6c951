//! One scenario from its first namespace to its rows.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    namespace::Namespace,
    nft::Count,
    order::{self, Order, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::SOON,
};

use crate::{
    afterlife::Afterlife,
    capture::Capture,
    network::{End, Network},
    packet::Packets,
    peers::{Peers, Views},
    play::{PACE, Play},
    report::Row,
    scenario::{Due, Place, Scenario},
    truth::Truth,
};

const MINUTE: Duration = Duration::from_mins(1);
const FIRST_PORT: u16 = 4001;
/// Two for each user.
const PORTS: usize = 10;
/// How long a row may take to get where it must be; the agent reads the kernel 100 times a second.
const ROW_DEADLINE: Duration = Duration::from_secs(2);
const IPV4_HEADER: u64 = 20;

/// Accounts for all scenarios; rows are compared with what they were before.
#[derive(Debug)]
pub struct Cast {
    /// Whose traffic it is.
    pub users: [TestUser; 2],
    /// Whoever is at the other end.
    pub peer: TestUser,
}

/// Rows that still lack what slow tools say.
pub struct Pending {
    rows: Vec<Row>,
    views: thread::JoinHandle<Vec<Views>>,
}

/// A user who waits in a namespace for the network to come.
struct Waiting {
    process: Process,
    go: PathBuf,
    _dir: TempDir,
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
    let before = rows(agent, cast);
    let mut stage = Stage::set(scenario, serial, cast);
    stage.play();
    stage.judge(agent, before)
}

impl<'a> Stage<'a> {
    fn set(scenario: &'a Scenario, serial: usize, cast: &'a Cast) -> Self {
        let name = format!("near{serial}");
        let waiting = (scenario.place != Place::Host).then(|| wait_inside(scenario, cast));
        let near = match &waiting {
            Some(waiting) => Namespace::of_process(&name, waiting.process.id()),
            None => Namespace::new(&name),
        };
        let mut network = Network::new(near, scenario.shape, serial);
        let kinds = kinds(scenario);
        let mut truth = Truth::new(&network, &kinds);
        network.up();
        truth.start(&network);
        let (near, device) = (network.at(End::Near), network.device());
        let afterlife = (scenario.due == Due::OfSockets)
            .then(|| Capture::start(&near.name, device, Afterlife::of(&kinds)));
        let peers = Peers::start(near, device, &uids(cast));
        Self { scenario, cast, network, truth, afterlife, peers, waiting }
    }

    fn play(&mut self) {
        let (near, far) = (self.network.at(End::Near), self.network.at(End::Far));
        let plays: Vec<_> = plays(self.scenario, &near.name, &far.name).collect();
        let actors = || plays.iter().zip(&self.cast.users);
        let servers: Vec<_> =
            actors().flat_map(|(play, user)| play.servers(user, &self.cast.peer)).collect();
        if let Some(waiting) = self.waiting.take() {
            fs::write(&waiting.go, "").unwrap_or_else(|e| panic!("{}: {e}", waiting.go.display()));
            waiting.process.success(MINUTE);
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
        let uids = uids(cast);
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

/// What the user's row has moved by, once it is what is due or the time is up.
fn reached(agent: &Agent<'_>, user: &TestUser, before: Bytes, due: Bytes) -> Bytes {
    let start = Instant::now();
    loop {
        let now = agent.status().bytes("ssh", &user.name);
        let moved = Bytes { up: now.up - before.up, down: now.down - before.down };
        if moved == due || start.elapsed() > ROW_DEADLINE {
            return moved;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program of the user's in namespaces of its own, which are not connected to anything yet.
fn wait_inside(scenario: &Scenario, cast: &Cast) -> Waiting {
    let inside = if scenario.place == Place::Disguise { cast.users[1].uid } else { 0 };
    let dir = TempDir::with_prefix("vpnmon-container-").unwrap_or_else(|e| panic!("{e}"));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))
        .unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
    let go = dir.path().join("go");
    let play = plays(scenario, "", "").next().unwrap_or_else(|| panic!("nothing to play"));
    let role = Role::Container { inside, until: go.clone(), then: Box::new(play.role()) };
    let mut process = Order::new(order::Place::of(&cast.users[0]), role).paced(PACE).start();
    assert_eq!(process.line(SOON), "inside");
    Waiting { process, go, _dir: dir }
}

fn plays<'a>(
    scenario: &Scenario,
    near: &'a str,
    far: &'a str,
) -> impl Iterator<Item = Play<'a>> + use<'a> {
    let each = scenario.traffic.iter().zip((FIRST_PORT..).step_by(PORTS));
    each.map(move |(traffic, port)| Play { traffic: *traffic, port, near, far })
        .collect::<Vec<_>>()
        .into_iter()
}

fn kinds(scenario: &Scenario) -> Vec<Packets> {
    let mut kinds = Vec::new();
    for play in plays(scenario, "", "") {
        let (up, down) = play.traffic.packets(play.port);
        for kind in up.into_iter().chain(down) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds
}

fn uids(cast: &Cast) -> [u32; 2] {
    cast.users.each_ref().map(|user| user.uid)
}

fn rows(agent: &Agent<'_>, cast: &Cast) -> [Bytes; 2] {
    let status = agent.status();
    cast.users.each_ref().map(|user| status.bytes("ssh", &user.name))
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
