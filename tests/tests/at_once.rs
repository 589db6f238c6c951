//! Traffic that begins in the moment of the login, before anybody can know whose it is, and sessions
//! that are over before anybody has looked.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{net::Ipv4Addr, time::Duration};

use vpnmon_tests::{
    figures::{Books, Leg, Row, carries},
    machine::Machine,
    order::Role,
    process::Process,
    ssh::{
        Kind::{self, Dropbear, NewDropbear, OpenSsh},
        Login, Proof, SshServer, SshUser,
    },
    status::Bytes,
    tunnel::{Ground, Tunnel, Way, exchange},
};

const MINUTE: Duration = Duration::from_mins(1);
const PORT: u16 = 23400;
const TUNNELS: [Tunnel; 2] = [Tunnel(23410), Tunnel(23420)];
const PROOFS: [Proof; 2] = [Proof::Password, Proof::Key];
const PAYLOADS: [Bytes; 2] =
    [Bytes { up: 500_000, down: 2_000_000 }, Bytes { up: 300_000, down: 1_300_000 }];
/// Some packets each way: such a session is over some milliseconds after its login.
const SHORT: [Bytes; 2] = [Bytes { up: 20_000, down: 60_000 }, Bytes { up: 10_000, down: 50_000 }];
const SHORT_SESSIONS: u32 = 8;

struct Stage<'a> {
    ground: &'a Ground,
    server: &'a SshServer<'a>,
    users: &'a [SshUser; 2],
}

impl Stage<'_> {
    fn login(&self, it: usize) -> Login<'_> {
        Login::new(self.server, &self.users[it].user.name, PROOFS[it])
    }

    /// A login whose only channel is there as soon as it is.
    fn connection(&self, it: usize, payload: Bytes) -> Process {
        let command = self.login(it).connection(TUNNELS[it].target());
        self.ground.outside(Role::Piped { command, exchange: exchange(payload) }).start()
    }

    fn target(&self, it: usize, payload: Bytes, connections: u32) -> Process {
        let at = (Ipv4Addr::LOCALHOST, TUNNELS[it].target()).into();
        let exchange = exchange(payload).mirrored();
        self.ground.outside(Role::TcpListen { at, exchange, connections }).listen().0
    }

    /// Both users' sessions, `count` one after the other.
    fn connections(&self, payloads: [Bytes; 2], count: u32) {
        let targets = [0, 1].map(|it| self.target(it, payloads[it], count));
        for _ in 0..count {
            let sessions = [0, 1].map(|it| self.connection(it, payloads[it]));
            finish(sessions);
        }
        finish(targets);
    }

    /// A client that tries until ssh listens, which it does as soon as it is logged in.
    fn forwarded(&self, way: Way) {
        let start = |it: usize| TUNNELS[it].start(self.ground, way, PAYLOADS[it], None);
        let traffic = [0, 1].map(start);
        let _clients = [0, 1].map(|it| TUNNELS[it].login(self.login(it)).start());
        finish(traffic.into_iter().flatten());
    }
}

fn finish(processes: impl IntoIterator<Item = Process>) {
    for process in processes {
        process.success(MINUTE);
    }
}

/// Runs `cases` with an agent, a server of `kind` and two users.
fn with(kind: Kind, cases: impl Fn(&Stage<'_>, &dyn Fn(&str, [Bytes; 2]))) {
    let _machine = Machine::take();
    let ground = Ground::new("at-once");
    let server = SshServer::start(kind, &ground.keys, ground.stand(), PORT);
    let users = ["john", "jane"].map(|name| SshUser::new(name, &ground.keys));
    let user = |it: usize| Row::new("ssh", &users[it].user.name, TUNNELS[it].legs().to_vec());
    let rows = vec![
        user(0),
        user(1),
        Row::new("system", "transport", vec![Leg::At(PORT)]),
        Row::new("system", "root", Vec::new()),
    ];
    let home = ground.home();
    let books = Books::open(&home, &ground.netns, rows);
    let _agent = ground.agent(&home);
    let stage = Stage { ground: &ground, server: &server, users: &users };
    cases(&stage, &|what, payloads| {
        let what = format!("{kind:?}, {what}");
        let moved = books.settle(&what);
        println!("{what}: {moved:?}");
        for (moved, payload) in moved.into_iter().zip(payloads) {
            carries(&what, moved, payload);
        }
    });
}

fn at_once(kind: Kind) {
    with(kind, |stage, hold| {
        stage.connections(PAYLOADS, 1);
        hold("a connection at once", PAYLOADS);
        for way in [Way::Local, Way::Dynamic] {
            stage.forwarded(way);
            hold(&format!("{way:?} at once"), PAYLOADS);
        }
    });
}

fn over_at_once(kind: Kind) {
    with(kind, |stage, hold| {
        stage.connections(SHORT, SHORT_SESSIONS);
        let times = |it: Bytes| (0..SHORT_SESSIONS).map(|_| it).sum();
        hold("short sessions", SHORT.map(times));
    });
}

#[test]
fn at_once_through_each_server() {
    [OpenSsh, Dropbear, NewDropbear].into_iter().for_each(at_once);
}

#[test]
fn over_at_once_where_the_process_is_the_users() {
    [OpenSsh, NewDropbear].into_iter().for_each(over_at_once);
}

#[test]
fn over_at_once_where_the_process_is_roots() {
    over_at_once(Dropbear);
}
