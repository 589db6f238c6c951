//! Two users at once through each kind of server, by every kind of forwarding: each byte once, and
//! on the account of the one whose it is.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::time::Duration;

use vpnmon_tests::{
    figures::{Books, Leg, Row, carries},
    machine::Machine,
    ssh::{
        Kind::{self, Dropbear, NewDropbear, OpenSsh},
        Login, Proof, SshServer, SshUser,
    },
    status::Bytes,
    tunnel::{Ground, Tunnel, WAYS, Way},
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);
const MEGABYTE: u64 = 1_000_000;

/// Of different sizes, so that bytes on the wrong account show.
const PAYLOADS: [Bytes; 2] = [
    Bytes { up: 5 * MEGABYTE, down: 20 * MEGABYTE },
    Bytes { up: 3 * MEGABYTE, down: 13 * MEGABYTE },
];
const PROOFS: [Proof; 2] = [Proof::Password, Proof::Key];

struct Case {
    kind: Kind,
    port: u16,
    tunnels: [Tunnel; 2],
}

const CASES: [Case; 3] = [
    Case { kind: OpenSsh, port: 23000, tunnels: [Tunnel(23010), Tunnel(23020)] },
    Case { kind: Dropbear, port: 23100, tunnels: [Tunnel(23110), Tunnel(23120)] },
    Case { kind: NewDropbear, port: 23200, tunnels: [Tunnel(23210), Tunnel(23220)] },
];

/// Both users' destination legs, the client legs, and nothing for root: the servers have no other
/// connections, and nothing else is metered.
fn rows(users: &[SshUser; 2]) -> Vec<Row> {
    let legs = |it: usize| CASES.iter().flat_map(|case| case.tunnels[it].legs()).collect();
    let user = |it: usize| Row::new("ssh", &users[it].user.name, legs(it));
    let clients = CASES.iter().map(|case| Leg::At(case.port)).collect();
    let transport = Row::new("system", "transport", clients);
    vec![user(0), user(1), transport, Row::new("system", "root", Vec::new())]
}

/// Both users' traffic at once.
fn both(ground: &Ground, books: &Books<'_>, case: &Case, way: Way) {
    let start = |it: usize| case.tunnels[it].start(ground, way, PAYLOADS[it], None);
    for process in [0, 1].map(start).into_iter().flatten() {
        process.success(MINUTE);
    }
    let what = format!("{:?} {way:?}", case.kind);
    let moved = books.settle(&what);
    println!("{what}: {moved:?}");
    for (moved, payload) in moved.iter().zip(PAYLOADS) {
        carries(&what, *moved, payload);
    }
    // The server sends to its clients what they download.
    let Bytes { up, down } = PAYLOADS[0] + PAYLOADS[1];
    carries(&format!("{what}, transport"), moved[2], Bytes { up: down, down: up });
}

#[test]
fn each_byte_is_its_users() {
    let _machine = Machine::take();
    let ground = Ground::new("tunnels");
    let start = |case: &Case| SshServer::start(case.kind, &ground.keys, ground.stand(), case.port);
    let servers = CASES.each_ref().map(start);
    let users = ["john", "jane"].map(|name| SshUser::new(name, &ground.keys));
    let witness = Witness::attach(ground.cgroup.path());
    let home = ground.home();
    let books = Books::open(&home, &ground.netns, rows(&users));
    let agent = ground.agent(&home);
    for (case, server) in CASES.iter().zip(&servers) {
        let login = |it: usize| Login::new(server, &users[it].user.name, PROOFS[it]);
        let clients = [0, 1].map(|it| case.tunnels[it].login(login(it)).start());
        for way in WAYS {
            both(&ground, &books, case, way);
        }
        drop(clients);
        let moved = books.settle("after the end of both");
        assert_eq!(moved[..2], [Bytes::default(); 2], "{:?}: after the end", case.kind);
    }
    wait_for("rows that add up to the witness", SOON, || {
        let (up, down) = (witness.egress().wire_bytes, witness.ingress().wire_bytes);
        equal(agent.status().sum(), &Bytes { up, down })
    });
}
