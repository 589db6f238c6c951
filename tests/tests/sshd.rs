//! A real OpenSSH server and client: a user's bytes are those of the destination leg, once.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use vpnmon_tests::{
    agent::Agent,
    auth_log::AuthLog,
    home::Home,
    machine::Machine,
    namespace::Namespace,
    nft::{Count, NftWire},
    order::{Exchange, Order, Place, Role},
    ssh::{Keys, Kind, LogTo, Proof, SshServer, SshUser, Stand},
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const SSHD_PORT: u16 = 22022;
const FORWARD_PORT: u16 = 22080;
const TARGET_PORT: u16 = 22090;
const DOWNLOAD: u64 = 20_000_000;
const UPLOAD: u64 = 5_000_000;

/// IPv4 and TCP headers with the timestamp option, on every packet (RFC 7323 section 3.2).
const HEADERS: u64 = 52;
/// What the options of a SYN take more: MSS, window scale, SACK permitted.
const SYN_OPTIONS: u64 = 8;

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Packets of the destination leg on the namespace's loopback, by direction.
fn leg(wire: &NftWire) -> (Count, Count) {
    let counts = wire.counts();
    (counts["to_target"], counts["from_target"])
}

#[test]
fn a_download_and_an_upload() {
    let _machine = Machine::take();
    let (keys, log, netns) = (Keys::new(), AuthLog::new(), Namespace::new("sshd"));
    let (SshUser { user, .. }, target) = (&SshUser::new("ssh", &keys), TestUser::new("target"));
    let rules = [("to_target", "dport"), ("from_target", "sport")]
        .map(|(name, side)| (name.to_owned(), format!("tcp {side} {TARGET_PORT}")));
    // Loopback would carry super-packets whole; what counts is what a wire would carry.
    netns.exec(&["ethtool", "-K", "lo", "tso", "off", "gso", "off"]);
    let wire = NftWire::load(&netns, "lo", &rules);
    // Before the agent, as on any server: one that starts later is found within a minute.
    let stand = Stand { netns: &netns, log: LogTo::File(&log), cgroup: None };
    let server = SshServer::start(Kind::OpenSsh, &keys, stand, SSHD_PORT);
    let home = Home::new("");
    let agent = Agent::start(&home);

    let exchange = Exchange {
        send: UPLOAD,
        receive: Some(DOWNLOAD),
        write: 1 << 18,
        closes_first: false,
        progress: None,
    };
    let target_exchange = exchange.mirrored();
    let at = local(TARGET_PORT);
    let serve = Role::TcpListen { at, exchange: target_exchange, connections: 1 };
    let (target, _) = Order::new(Place::of(&target).netns(&netns.name), serve).listen();
    let ssh = server.client(&user.name, Proof::Key, FORWARD_PORT, TARGET_PORT);
    let connect = Role::TcpConnect { to: local(FORWARD_PORT), exchange, retry: true };
    // The one who downloads is anybody on the machine: root here.
    Order::new(Place::default().netns(&netns.name), connect).start().success(MINUTE);
    let session = wait_for("the session in status", SOON, || {
        let rows = agent.status().accounts;
        let row = rows.into_iter().find(|row| row.name == user.name);
        let sessions = row.map(|row| row.sessions).unwrap_or_default();
        let count = sessions.len();
        sessions.into_iter().next().filter(|_| count == 1).ok_or(format!("{count} sessions"))
    });
    assert_eq!(
        (session.server.as_str(), session.client),
        ("openssh", Some(Ipv4Addr::LOCALHOST.into()))
    );
    target.success(MINUTE);
    drop(ssh);
    wait_for("no session in status", SOON, || {
        let rows = agent.status().accounts;
        equal(rows.iter().map(|row| row.sessions.len()).sum(), &0)
    });

    let (up, down) = wait_for("the row of the user", SOON, || {
        let (up, down) = leg(&wire);
        let truth = Bytes { up: up.bytes, down: down.bytes };
        // sshd's last packet may still be to come; then the wire moves on, and this looks again.
        equal(agent.status().bytes("ssh", &user.name), &truth).and(equal(leg(&wire), &(up, down)))
    });
    println!("destination leg: up {up:?}, down {down:?}");
    agent.reaches(&user.name, Bytes { up: up.bytes, down: down.bytes });
    // Less a header on every packet, acknowledgements of the other direction included, what is
    // left is payload: each byte once. 6 % are for retransmissions, of which loopback has none.
    for (count, payload) in [(up, UPLOAD), (down, DOWNLOAD)] {
        let got = count.bytes - HEADERS * count.packets - SYN_OPTIONS;
        assert!((payload..=payload + payload * 6 / 100).contains(&got), "{got} of {payload}");
    }
}
