//! Sessions that were there before the agent, and those that outlive it.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    thread,
    time::{Duration, Instant},
};

use vpnmon_tests::{
    agent::Agent,
    figures::{Books, Leg, Row, carries},
    machine::Machine,
    process::Process,
    ssh::{
        Kind::{self, Dropbear, NewDropbear, OpenSsh},
        Login, Proof, SshServer, SshUser,
    },
    status::Bytes,
    tunnel::{Ground, Tunnel, WAYS, Way},
    wait::{SOON, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const KINDS: [Kind; 3] = [OpenSsh, Dropbear, NewDropbear];
const PORTS: [u16; 3] = [23501, 23502, 23503];
/// A user and a server each.
const TUNNELS: [Tunnel; 3] = [Tunnel(23510), Tunnel(23520), Tunnel(23530)];
/// Of a second login.
const LATER: [Tunnel; 3] = [Tunnel(23540), Tunnel(23550), Tunnel(23560)];
const PAYLOADS: [Bytes; 3] = [
    Bytes { up: 6_500_000, down: 8_000_000 },
    Bytes { up: 5_500_000, down: 7_000_000 },
    Bytes { up: 4_500_000, down: 6_000_000 },
];
/// Bytes a second each way, so that the traffic takes some seconds.
const PACE: u32 = 2_500_000;
/// Within this time a session that was there is known, and its open sockets are tagged.
const FOUND_WITHIN: Duration = Duration::from_secs(1);

struct Stage<'a> {
    ground: &'a Ground,
    servers: [SshServer<'a>; 3],
    users: [SshUser; 3],
}

impl<'a> Stage<'a> {
    fn new(ground: &'a Ground) -> Self {
        let start =
            |it: usize| SshServer::start(KINDS[it], &ground.keys, ground.stand(), PORTS[it]);
        let users = ["john", "jane", "jack"].map(|name| SshUser::new(name, &ground.keys));
        Self { ground, servers: [0, 1, 2].map(start), users }
    }

    fn rows(&self) -> Vec<Row> {
        let legs = |it: usize| [TUNNELS[it].legs(), LATER[it].legs()].concat();
        let user = |it: usize| Row::new("ssh", &self.users[it].user.name, legs(it));
        vec![
            user(0),
            user(1),
            user(2),
            Row::new("system", "transport", PORTS.map(Leg::At).to_vec()),
            Row::new("system", "root", Vec::new()),
        ]
    }

    fn log_in(&self, tunnels: [Tunnel; 3]) -> [Process; 3] {
        [0, 1, 2].map(|it| {
            let login = Login::new(&self.servers[it], &self.users[it].user.name, Proof::Password);
            tunnels[it].login(login).start()
        })
    }

    fn start(&self, tunnels: [Tunnel; 3], way: Way, pace: Option<u32>) -> Vec<Process> {
        let start = |it: usize| tunnels[it].start(self.ground, way, PAYLOADS[it], pace);
        [0, 1, 2].map(start).into_iter().flatten().collect()
    }
}

fn finish(traffic: Vec<Process>) {
    for process in traffic {
        process.success(MINUTE);
    }
}

/// Waits until every user has so much of the download.
fn under_way(books: &Books<'_>, least: u64) {
    wait_for("traffic", SOON, || {
        let wire = books.wire();
        let down = wire[..3].iter().map(|user| user.down).min();
        if down >= Some(least) { Ok(()) } else { Err(format!("{wire:?}")) }
    });
}

const ROWS: [&str; 5] =
    ["OpenSSH's user", "dropbear's user", "newer dropbear's user", "transport", "root"];

fn is_between(row: &str, bytes: Bytes, least: Bytes, most: Bytes) {
    println!("{row}: {bytes:?}, from {least:?} to {most:?}");
    let up = (least.up..=most.up).contains(&bytes.up);
    assert!(up && (least.down..=most.down).contains(&bytes.down), "{row}");
}

#[test]
fn sessions_before_the_agent() {
    let _machine = Machine::take();
    let ground = Ground::new("before");
    let stage = Stage::new(&ground);
    let home = ground.home();
    let books = Books::open(&home, &ground.netns, stage.rows());
    let _clients = stage.log_in(TUNNELS);
    let traffic = stage.start(TUNNELS, Way::Local, Some(PACE));
    under_way(&books, 500_000);

    let (start, unseen) = (Instant::now(), books.wire());
    let _agent = Agent::start(&home);
    // What is promised is a time: nothing says that it is over.
    thread::sleep((start + FOUND_WITHIN).saturating_duration_since(Instant::now()));
    let found = books.wire();
    finish(traffic);
    books.begin();
    let (rows, wire) = (books.rows(), books.wire());
    for it in 0..4 {
        let (least, most) = (wire[it] - found[it], wire[it] - unseen[it]);
        is_between(ROWS[it], rows[it], least, most);
    }
    // What was not known yet.
    let most = (0..4).map(|it| found[it] - unseen[it]).sum();
    is_between(ROWS[4], rows[4], Bytes::default(), most);

    // New connections of the old sessions.
    for way in WAYS {
        finish(stage.start(TUNNELS, way, None));
        let moved = books.settle(&format!("an old session's {way:?}"));
        for (moved, payload) in moved.into_iter().zip(PAYLOADS) {
            carries("an old session", moved, payload);
        }
    }
}

#[test]
fn sessions_outlive_the_agent() {
    let _machine = Machine::take();
    let ground = Ground::new("outlive");
    let stage = Stage::new(&ground);
    let home = ground.home();
    let books = Books::open(&home, &ground.netns, stage.rows());
    let agent = ground.agent(&home);
    let _clients = stage.log_in(TUNNELS);
    let traffic = stage.start(TUNNELS, Way::Local, Some(PACE));
    under_way(&books, 500_000);

    agent.kill9();
    // New connections of old sessions, and new sessions.
    finish(stage.start(TUNNELS, Way::Remote, None));
    let _later = stage.log_in(LATER);
    finish(stage.start(LATER, Way::Local, None));
    let _agent = Agent::start(&home);
    finish(traffic);
    let moved = books.settle("over the agent's death");
    println!("{moved:?}");
    for (moved, Bytes { up, down }) in moved.into_iter().zip(PAYLOADS) {
        carries("over the agent's death", moved, Bytes { up: 3 * up, down: 3 * down });
    }
}
