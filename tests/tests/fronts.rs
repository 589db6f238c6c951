//! SSH inside of TLS and of what looks like a WebSocket, as panels offer it: the account has its
//! destination legs as ever, and whoever passes the bytes on has his own.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use vpnmon_tests::{
    agent::Agent,
    figures::{Books, Leg, Row, carries},
    front::Front,
    machine::Machine,
    order::Place,
    ssh::{Kind, Login, Proof, SshServer, SshUser},
    status::Bytes,
    tunnel::{Ground, Tunnel, WAYS},
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const MEGABYTE: u64 = 1_000_000;

/// Of dropbear, one for each proxy, so that each proxy's connections are known by the port.
const SERVER: [u16; 3] = [23301, 23302, 23303];
const FRONT: [u16; 3] = [23311, 23312, 23313];
const TUNNELS: [Tunnel; 3] = [Tunnel(23320), Tunnel(23330), Tunnel(23340)];
const PAYLOADS: [Bytes; 3] = [
    Bytes { up: 5 * MEGABYTE, down: 20 * MEGABYTE },
    Bytes { up: 3 * MEGABYTE, down: 13 * MEGABYTE },
    Bytes { up: 2 * MEGABYTE, down: 7 * MEGABYTE },
];

/// Whom the requests to the upgraders name.
const CLIENTS: [Ipv4Addr; 2] = [Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(198, 51, 100, 8)];

/// stunnel and the first upgrader are root's, the second somebody else's.
fn rows(users: &[SshUser; 3], proxy: &TestUser) -> Vec<Row> {
    let user = |it: usize| Row::new("ssh", &users[it].user.name, TUNNELS[it].legs().to_vec());
    let front = |it: usize| [Leg::At(FRONT[it]), Leg::To(SERVER[it])];
    vec![
        user(0),
        user(1),
        user(2),
        Row::new("system", "transport", SERVER.map(Leg::At).to_vec()),
        Row::new("system", "root", [front(0), front(1)].concat()),
        Row::new("ssh", &proxy.name, front(2).to_vec()),
    ]
}

#[test]
fn proxies_in_front_keep_their_bytes() {
    let _machine = Machine::take();
    let (ground, proxy) = (Ground::new("fronts"), TestUser::new("proxy"));
    let stand = ground.stand();
    let server = SshServer::on_ports(Kind::Dropbear, &ground.keys, stand, &SERVER);
    let place = |place: Place| place.netns(&ground.netns.name).cgroup(ground.cgroup.path());
    let root = || place(Place::default());
    let fronts = [
        Front::stunnel(&ground.keys, root(), FRONT[0], SERVER[0]),
        Front::upgrader(root(), FRONT[1], SERVER[1], CLIENTS[0]),
        Front::upgrader(place(Place::of(&proxy)), FRONT[2], SERVER[2], CLIENTS[1]),
    ];
    let users = ["john", "jane", "jack"].map(|name| SshUser::new(name, &ground.keys));
    let home = ground.home();
    let books = Books::open(&home, &ground.netns, rows(&users, &proxy));
    let agent = ground.agent(&home);
    let login = |it: usize| Login::new(&server, &users[it].user.name, Proof::Password);
    // One after the other: of two that come at once nobody could tell which request is whose.
    let client = |it: usize| {
        let client = TUNNELS[it].login(login(it)).through(fronts[it].client()).start();
        wait_for("the session", SOON, || equal(clients_of(&agent, &users[it]).len(), &1));
        client
    };
    let _clients = [0, 1, 2].map(client);
    for way in WAYS {
        let start = |it: usize| TUNNELS[it].start(&ground, way, PAYLOADS[it], None);
        for process in [0, 1, 2].map(start).into_iter().flatten() {
            process.success(MINUTE);
        }
        let moved = books.settle(&format!("{way:?}"));
        println!("{way:?}: {moved:?}");
        for (it, payload) in PAYLOADS.into_iter().enumerate() {
            carries(&format!("{way:?} of {}", users[it].user.name), moved[it], payload);
        }
    }
    // Of stunnel's clients nothing tells; of a WebSocket's the header does.
    let expected = [Ipv4Addr::LOCALHOST, CLIENTS[0], CLIENTS[1]].map(|ip| vec![Some(ip.into())]);
    assert_eq!([0, 1, 2].map(|it| clients_of(&agent, &users[it])), expected);
}

fn clients_of(agent: &Agent<'_>, user: &SshUser) -> Vec<Option<IpAddr>> {
    let status = agent.status();
    let account = status.accounts.iter().find(|account| account.name == user.user.name);
    let sessions = account.map(|account| &account.sessions).into_iter().flatten();
    sessions.map(|session| session.client).collect()
}
