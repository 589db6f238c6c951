//! Tunnel clients, who have no socket here: each byte of theirs once, whatever becomes of the agent.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{net::SocketAddr, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    bpf,
    cgroup::Cgroup,
    gateway::{Gateway, TUNNEL, internet, tunnel_address},
    home::Home,
    link::DEVICE,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const NAMES: &str = "[forward]\nnames = { '10.8.0.2' = 'alice', 'fd00:8::/64' = 'alice' }";

fn exchange(up: u64, down: u64) -> Exchange {
    let receive = Some(down);
    Exchange { send: up, receive, write: 100_000, closes_first: false, progress: None }
}

fn client(gateway: &Gateway, user: &TestUser, role: Role) -> Order {
    Order::new(Place::of(user).netns(&gateway.client.name), role)
}

fn far(gateway: &Gateway, user: &TestUser, role: Role) -> Order {
    Order::new(Place::of(user).netns(&gateway.link.far.name), role)
}

/// One connection of the client to the internet.
fn tcp(gateway: &Gateway, user: &TestUser, port: u16, v6: bool, exchange: Exchange) {
    let at = internet(port, v6);
    let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
    let (listener, _) = far(gateway, user, serve).listen();
    let connect = Role::TcpConnect { to: at, exchange, retry: false };
    client(gateway, user, connect).start().success(MINUTE);
    listener.success(MINUTE);
}

/// Datagrams of the client to `to`, and their echoes.
fn udp(gateway: &Gateway, user: &TestUser, echo: &Order, to: SocketAddr) {
    let (echo, _) = echo.listen();
    let send = Role::UdpSend { to, rounds: 100, sends: vec![1, 1400, 17, 0, 1452], segment: None };
    client(gateway, user, send).start().success(MINUTE);
    echo.success(MINUTE);
}

fn echo(at: SocketAddr) -> Role {
    Role::UdpEcho { at, datagrams: 500 }
}

/// All that the client has moved in the tunnel, of both families.
fn truth(gateway: &Gateway) -> Bytes {
    let (v4, v6) = (gateway.carried("v4"), gateway.carried("v6"));
    Bytes { up: v4.0.bytes + v6.0.bytes, down: v4.1.bytes + v6.1.bytes }
}

#[test]
fn clients_of_a_tunnel_are_exact() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[4001, 4002, 4003, 4004]);
    let home = Home::new(NAMES);
    let agent = gateway.agent(&home);
    tcp(&gateway, &user, 4001, false, exchange(5_000_000, 300_000));
    tcp(&gateway, &user, 4002, true, exchange(300_000, 5_000_000));
    for (port, v6) in [(4003, false), (4004, true)] {
        let at = internet(port, v6);
        udp(&gateway, &user, &far(&gateway, &user, echo(at)), at);
    }
    let truth = truth(&gateway);
    println!("v4 {:?} v6 {:?}", gateway.carried("v4"), gateway.carried("v6"));
    gateway.adds_up();
    agent.reaches_in("forward", "alice", truth);
    let status = agent.status();
    assert_eq!(status.agent.hooks.tc.len(), 2, "{:?}", status.agent.hooks);
    assert_eq!(status.agent.degraded, Vec::<String>::new());
    let rows = status.accounts.iter().filter(|row| row.service == "forward");
    assert_eq!(rows.count(), 1, "alice's addresses are one account, and nobody else moves");
    let _ = agent.terminate();
    let usage = home.usage("alice");
    assert_eq!(
        (usage.service.as_str(), usage.uplink, usage.downlink),
        ("forward", truth.up, truth.down)
    );
}

/// A service of this machine is its user's alone, also where the client meant another machine.
#[test]
fn a_service_here_is_billed_once() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("service");
    let (user, server) = (TestUser::new("user"), TestUser::new("server"));
    let gateway = Gateway::new(&[]);
    let home = Home::new(&format!("[meter]\ncgroup = '{}'", cgroup.path().display()));
    let agent = gateway.agent(&home);
    let here = |role| {
        let place = Place::of(&server).netns(&gateway.link.near.name).cgroup(cgroup.path());
        Order::new(place, role)
    };
    let at = SocketAddr::new(tunnel_address(1, false), 0);
    // The service's own row is looked at: it must not be the side that is left in TIME_WAIT.
    let exchange = Exchange { closes_first: true, ..exchange(2_000_000, 3_000_000) };
    let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
    let (listener, port) = here(serve).listen();
    let to = SocketAddr::new(at.ip(), port);
    let connect = Role::TcpConnect { to, exchange, retry: false };
    client(&gateway, &user, connect).start().success(MINUTE);
    listener.success(MINUTE);
    let (sent, received) = gateway.carried("v4");
    println!("service: {sent:?} {received:?}");
    agent.reaches(&server.name, Bytes { up: received.bytes, down: sent.bytes });
    assert_eq!(agent.status().bytes("forward", "10.8.0.2"), Bytes::default());

    // Names are asked elsewhere, and answered here.
    let redirect = ["udp", "dport", "53", "redirect", "to", ":5353"];
    let chain = "{ type nat hook prerouting priority -100 ; }";
    gateway.link.near.exec(&["nft", "add", "chain", "ip", "nat", "pre", chain]);
    let rule = [&["nft", "add", "rule", "ip", "nat", "pre"], &redirect[..]].concat();
    gateway.link.near.exec(&rule);
    let at = SocketAddr::new(at.ip(), 5353);
    udp(&gateway, &user, &here(echo(at)), SocketAddr::from(([9, 9, 9, 9], 53)));
    let (all_sent, all_received) = gateway.carried("v4");
    println!("redirected: {:?} {:?}", all_sent - sent, all_received - received);
    let up = (all_sent - sent).bytes;
    agent.reaches_in("forward", "10.8.0.2", Bytes { up, down: 0 });
    agent.reaches(&server.name, Bytes { up: all_received.bytes, down: sent.bytes });
    let _ = agent.terminate();
}

/// Whoever sends from an address that is not the tunnel's makes no account.
#[test]
fn strangers_in_a_tunnel_share_a_row() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[]);
    let home = Home::new("");
    let agent = gateway.agent(&home);
    gateway.client.ip(&["addr", "add", "10.77.0.1/32", "dev", TUNNEL]);
    let route = ["route", "add", "10.9.0.2", "via", "10.8.0.1", "dev", TUNNEL, "src", "10.77.0.1"];
    gateway.client.ip(&route);
    let datagrams = Role::UdpSend {
        to: internet(4001, false),
        rounds: 1,
        sends: vec![1000; 20],
        segment: None,
    };
    // Nothing comes back, so it would wait for ever.
    let _sender = client(&gateway, &user, datagrams).start();
    let sent = wait_for("twenty packets", SOON, || {
        let (sent, _) = gateway.carried("stranger");
        equal(sent.packets, &20).map(|_| sent)
    });
    agent.reaches_in("forward", "other", Bytes { up: sent.bytes, down: 0 });
    let rows = agent.status().accounts.into_iter().filter(|row| row.service == "forward");
    assert_eq!(rows.map(|row| row.name).collect::<Vec<_>>(), ["other"]);
    let _ = agent.terminate();
}

/// An upload of the client that tells how far it is.
fn upload(gateway: &Gateway, user: &TestUser, bytes: u64) -> (Process, Process) {
    let exchange = Exchange { progress: Some(5_000_000), ..exchange(bytes, 1000) };
    let at = internet(4001, false);
    let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
    let (listener, _) = far(gateway, user, serve).listen();
    let connect = Role::TcpConnect { to: at, exchange, retry: false };
    // Slow enough to be there still when two agents have come and gone.
    let client = Order { pace: Some(20_000_000), ..client(gateway, user, connect) };
    (client.start(), listener)
}

#[test]
fn counting_goes_on_without_the_agent() {
    const UPLOAD: u64 = 150_000_000;
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[4001]);
    let home = Home::new(NAMES);
    let agent = gateway.agent(&home);
    let (mut near, far) = upload(&gateway, &user, UPLOAD);
    let _ = near.number("sent", SOON);
    let counted = |agent: &Agent<'_>| agent.status().bytes("forward", "alice").up;
    let mut at = vec![counted(&agent)];
    agent.kill9();
    let agent = gateway.agent(&home);
    at.push(counted(&agent));
    let _ = agent.terminate();
    let agent = gateway.agent(&home);
    at.push(counted(&agent));
    assert!(near.ended().is_none(), "the upload was over before the agent was back");
    near.success(MINUTE);
    far.success(MINUTE);
    println!("killed, ended and back at {at:?}, wire {:?}", truth(&gateway));
    agent.reaches_in("forward", "alice", truth(&gateway));
    let _ = agent.terminate();

    // Another name while nobody runs: what was counted stays, what comes is the new name's.
    let before = truth(&gateway);
    home.configure("[forward]\nnames = { '10.8.0.2' = 'bob' }");
    tcp(&gateway, &user, 4001, false, exchange(1_000_000, 1_000_000));
    let at_start = truth(&gateway);
    let agent = gateway.agent(&home);
    agent.reaches_in("forward", "alice", at_start);
    tcp(&gateway, &user, 4001, false, exchange(1_000_000, 1_000_000));
    let after = truth(&gateway);
    println!("before {before:?}, at the start {at_start:?}, after {after:?}");
    let bob = Bytes { up: after.up - at_start.up, down: after.down - at_start.down };
    agent.reaches_in("forward", "bob", bob);
    agent.reaches_in("forward", "alice", at_start);
    let _ = agent.terminate();
}

#[test]
fn interfaces_come_and_go() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let mut gateway = Gateway::new(&[]);
    let home = Home::new("");
    let agent = gateway.agent(&home);
    let names = |expected: &[&str]| {
        wait_for("the metered interfaces", SOON, || {
            let interfaces = agent.status().interfaces;
            let mut names: Vec<_> = interfaces.into_iter().map(|it| it.name).collect();
            names.sort();
            equal(names, &expected.iter().map(|name| (*name).to_owned()).collect())
        })
    };
    names(&[TUNNEL, DEVICE]);
    let at = internet(4001, false);
    udp(&gateway, &user, &far(&gateway, &user, echo(at)), at);
    let first = truth(&gateway);
    agent.reaches_in("forward", "10.8.0.2", first);
    gateway.close_tunnel();
    names(&[DEVICE]);
    gateway.open_tunnel();
    names(&[TUNNEL, DEVICE]);
    udp(&gateway, &user, &far(&gateway, &user, echo(at)), at);
    let second = truth(&gateway);
    let both = Bytes { up: first.up + second.up, down: first.down + second.down };
    agent.reaches_in("forward", "10.8.0.2", both);
    let status = agent.status();
    let tunnel = status.interfaces.iter().find(|it| it.name == TUNNEL);
    let tunnel = tunnel.unwrap_or_else(|| unreachable!("listed above"));
    assert!(tunnel.ingress >= both.up && tunnel.egress >= both.down, "{tunnel:?} {both:?}");
    let _ = agent.terminate();
}

/// Filters and qdiscs of others stay and see what they saw; ours leave nothing.
#[test]
fn others_filters_are_left_alone() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[]);
    let near = &gateway.link.near;
    let tc = |args: &[&str]| near.exec(&[&["tc"], args].concat());
    tc(&["qdisc", "add", "dev", TUNNEL, "clsact"]);
    for way in ["ingress", "egress"] {
        // Takes every packet, and ends the search for other filters.
        let filter = ["bpf", "bytecode", "1,6 0 0 1", "classid", "1:1"];
        tc(&[&["filter", "add", "dev", TUNNEL, way, "prio", "7"], &filter[..]].concat());
    }
    let list = || ["ingress", "egress"].map(|way| tc(&["filter", "show", "dev", TUNNEL, way]));
    let (filters, programs) = (list(), bpf::programs());
    let home = Home::new("");
    let agent = gateway.agent(&home);
    let at = internet(4001, false);
    udp(&gateway, &user, &far(&gateway, &user, echo(at)), at);
    agent.reaches_in("forward", "10.8.0.2", truth(&gateway));
    assert_eq!(list(), filters);
    let _ = agent.terminate();
    let ended = home.agent(&["detach"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(list(), filters);
    assert!(!tc(&["qdisc", "show", "dev", DEVICE]).contains("clsact"), "a qdisc is left");
    assert!(!home.bpffs.exists(), "pins are left: {:?}", home.pins());
    wait_for("no programs but the others'", SOON, || equal(bpf::programs(), &programs));
}
