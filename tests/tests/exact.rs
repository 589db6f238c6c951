//! Every byte of every user, against counters on the wire.
//!
//! Users send and receive between two namespaces. The truth is read behind segmentation: nft
//! counters at the ingress of the veth's ends, which themselves add up to the device's statistics.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::time::Duration;

use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    flow::{Flow, Kind},
    home::Home,
    link::{DEVICE, Link},
    machine::Machine,
    nft::Count,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);
const LARGE: usize = 256 * 1024;

/// Runs `flows` all at once, each with a user of its own, and compares everything.
fn check(mtu: u32, super_packets: bool, kinds: &[(bool, Kind)]) {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("exact");
    let peer = TestUser::new("peer");
    let users: Vec<_> = kinds.iter().map(|_| TestUser::new("user")).collect();
    let ports: Vec<u16> = (4001..).take(kinds.len()).collect();
    let link = Link::new(mtu, &ports);
    let home = Home::new("");
    let agent = Agent::start(&home);
    let witness = Witness::attach(cgroup.path());
    let each = users.iter().zip(ports).zip(kinds);
    let flows: Vec<_> = each
        .map(|((user, port), (v6, kind))| Flow { user, port, v6: *v6, kind: kind.clone() })
        .collect();

    let running: Vec<_> =
        flows.iter().map(|flow| flow.start(&link, cgroup.path(), &peer)).collect();
    for ends in running {
        ends.finish(MINUTE);
    }

    let mut all = (Count::default(), Count::default());
    for flow in &flows {
        let (up, down) = link.flow(flow.port);
        println!("mtu {mtu} v6 {:5} {:?}: up {up:?} down {down:?}", flow.v6, flow.kind);
        agent.reaches(&flow.user.name, Bytes { up: up.bytes, down: down.bytes });
        all = ([all.0, up].into_iter().sum(), [all.1, down].into_iter().sum());
    }
    link.adds_up();
    let (sent, received) = (witness.egress(), witness.ingress());
    assert_eq!((sent.wire_bytes, sent.wire_packets), (all.0.bytes, all.0.packets));
    assert_eq!((received.wire_bytes, received.wire_packets), (all.1.bytes, all.1.packets));
    // Without super-packets at the hook the test would prove little.
    assert_eq!(sent.buffer_bytes < sent.wire_bytes, super_packets, "{sent:?}");
}

fn echoes(rounds: u32, sends: Vec<usize>) -> Kind {
    let datagrams = u32::try_from(sends.len()).unwrap_or(u32::MAX);
    Kind::Udp { rounds, sends, datagrams, segment: None }
}

#[test]
fn tcp_and_udp_of_many_users_at_once() {
    let kinds = [
        (false, Kind::Tcp { up: 30_000_000, down: 2_000_000, write: LARGE }),
        (true, Kind::Tcp { up: 1_000_000, down: 30_000_000, write: LARGE }),
        (true, Kind::TcpAccepted { up: 20_000_000, down: 20_000_000, write: LARGE }),
        (false, Kind::TcpAccepted { up: 123_457, down: 7, write: LARGE }),
        (false, Kind::Tcp { up: 100_003, down: 50_001, write: 117 }),
        (false, echoes(300, vec![1, 1400, 17, 1472])),
        (true, echoes(300, vec![0, 1400, 17, 1452])),
    ];
    check(1500, true, &kinds);
}

#[test]
fn jumbo_frames() {
    let kinds = [
        (false, Kind::Tcp { up: 30_000_000, down: 5_000_000, write: LARGE }),
        (true, Kind::Tcp { up: 5_000_000, down: 30_000_000, write: LARGE }),
        (true, echoes(100, vec![8952, 1, 8000])),
    ];
    check(9000, true, &kinds);
}

#[test]
fn udp_that_the_kernel_cuts() {
    // 20 whole datagrams; 7 and a rest of one byte; one that needs no cutting.
    let cut = |size| Kind::Udp {
        rounds: 200,
        sends: vec![20 * usize::from(size), 7 * usize::from(size) + 1, 3],
        datagrams: 29,
        segment: Some(size),
    };
    check(1500, true, &[(false, cut(1472)), (true, cut(1452)), (true, cut(100))]);
}

#[test]
fn plain_packets() {
    check(1500, false, &[(false, echoes(50, vec![1472])), (true, echoes(50, vec![1452]))]);
}

/// The kernel opens further paths itself, and not as the user.
#[test]
fn all_paths_of_mptcp() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("mptcp");
    let (alice, bob) = (TestUser::new("alice"), TestUser::new("bob"));
    let link = Link::new(1500, &[4001]);
    for end in [&link.near, &link.far] {
        end.ip(&["mptcp", "limits", "set", "subflows", "2"]);
    }
    for path in ["10.9.0.3", "10.9.0.4"] {
        link.near.ip(&["addr", "add", &format!("{path}/24"), "dev", DEVICE]);
        link.near.ip(&["mptcp", "endpoint", "add", path, "dev", DEVICE, "subflow"]);
    }
    let home = Home::new("");
    let agent = Agent::start(&home);
    let kind = Kind::Mptcp { up: 20_000_000, down: 10_000_000, write: LARGE };
    let flow = Flow { user: &alice, port: 4001, v6: false, kind };
    flow.start(&link, cgroup.path(), &bob).finish(MINUTE);
    // What closes the paths may still be on its way.
    let is_there = || {
        let (up, down) = link.flow(4001);
        let status = agent.status();
        let rows = [&alice, &bob].map(|user| status.bytes("ssh", &user.name));
        let (up, down) = (up.bytes, down.bytes);
        equal(rows, &[Bytes { up, down }, Bytes { up: down, down: up }])
    };
    let rows = wait_for("both users' rows", SOON, is_there);
    let joined = link.far.exec(&["nstat", "-asz", "MPTcpExtMPJoinAckRx"]);
    println!("{rows:?}; {joined}");
    let joined = joined.split_whitespace().skip_while(|word| !word.starts_with("MPTcp")).nth(1);
    assert_eq!(joined, Some("2"), "further paths");
}

/// With GRO the near end's hook, and nft there, see merged packets: the truth is the device's own
/// count, so one user at a time. The veth polls then (NAPI) and counts without Ethernet headers.
#[test]
fn packets_merged_on_arrival() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("gro");
    let (alice, bob, peer) = (TestUser::new("alice"), TestUser::new("bob"), TestUser::new("peer"));
    let link = Link::new(1500, &[4001, 4002]);
    link.near.exec(&["ethtool", "-K", DEVICE, "gro", "on"]);
    // The far device waits in front of a full ring instead of dropping.
    link.far.exec(&["tc", "qdisc", "add", "dev", DEVICE, "root", "pfifo", "limit", "10000"]);
    let home = Home::new("");
    let agent = Agent::start(&home);
    let witness = Witness::attach(cgroup.path());
    let kind = Kind::Tcp { up: 1_000_000, down: 40_000_000, write: LARGE };
    for (user, port, v6) in [(&alice, 4001, false), (&bob, 4002, true)] {
        let before = flows_received(&link);
        let flow = Flow { user, port, v6, kind: kind.clone() };
        flow.start(&link, cgroup.path(), &peer).finish(MINUTE);
        let (up, merged) = link.flow(port);
        let device = flows_received(&link) - before;
        agent.reaches(&user.name, Bytes { up: up.bytes, down: device.bytes });
        println!("v6 {v6:5}: up {up:?}, device {device:?}, merged into {merged:?}");
        assert!(merged.packets * 2 < device.packets, "GRO merged nothing");
    }
    let received = witness.ingress();
    assert!(received.buffer_bytes < received.wire_bytes, "{received:?}");
}

/// What the near device has received for flows: everything less what is no flow, read at a moment
/// when no such packet comes in between.
fn flows_received(link: &Link) -> Count {
    wait_for("two equal counts", SOON, || {
        let other = link.other().1;
        let device = Link::received(&link.near);
        equal(link.other().1, &other).map(|other| device - other)
    })
}
