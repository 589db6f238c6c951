//! Limits hold to the byte, whatever the sender does and whether the agent lives.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{fs, net::SocketAddr, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    gateway::{Gateway, TUNNEL, internet},
    home::Home,
    link::{Link, statistics},
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::Process,
    user::TestUser,
    wait::{SOON, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const MIB: u64 = 1 << 20;
const LIMIT: u64 = 5 * MIB;
/// The largest buffer that the hook can see.
const BUFFER: u64 = 1 << 16;
// Ports: TCP of the limited user, its datagrams, the other user's TCP.
const STREAMS: u16 = 4001;
const FLOOD: u16 = 4002;
const OTHER: u16 = 4003;
const BLOCK: &str = "[enforce]\nssh = 'block'";

fn endless(write: usize) -> Exchange {
    Exchange { send: u64::MAX, receive: Some(1), write, closes_first: false, progress: None }
}

/// Users, a wire, and an agent's home.
struct Stage {
    _machine: Machine,
    user: TestUser,
    other: TestUser,
    peer: TestUser,
    link: Link,
    home: Home,
}

impl Stage {
    fn new(sections: &str) -> Self {
        let machine = Machine::take();
        let [user, other, peer] = ["limited", "other", "peer"].map(TestUser::new);
        let link = Link::new(1500, &[STREAMS, FLOOD, OTHER]);
        Self { _machine: machine, user, other, peer, link, home: Home::new(sections) }
    }

    fn does(&self, args: &[&str]) {
        let ended = self.home.agent(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
    }

    fn near(&self, user: &TestUser, role: Role) -> Order {
        Order::new(Place::of(user).netns(&self.link.near.name), role)
    }

    fn far(&self, role: Role) -> Order {
        Order::new(Place::of(&self.peer).netns(&self.link.far.name), role)
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::new(Link::far_address(false), port)
    }

    /// A connection that sends without end, and who swallows it.
    fn stream(&self) -> [Process; 2] {
        let swallow = Exchange { send: 0, receive: None, ..endless(1) };
        let at = Self::at(STREAMS);
        let serve = Role::TcpListen { at, exchange: swallow, connections: 1 };
        let (listener, _) = self.far(serve).listen();
        let connect = Role::TcpConnect { to: at, exchange: endless(1 << 17), retry: false };
        [self.near(&self.user, connect).start(), listener]
    }

    /// Datagrams from both CPUs until nothing goes any more; what listens goes on.
    fn flood(&self) -> Process {
        let (sink, _) = self.far(Role::UdpSink { at: Self::at(FLOOD) }).listen();
        let to = Self::at(FLOOD);
        let flood =
            Role::UdpFlood { to, threads: 2, payload: 1200, refusals: 20_000, most: u64::MAX };
        let mut flood = self.near(&self.user, flood).start();
        let sent = flood.number("sent", MINUTE);
        flood.success(SOON);
        println!("{sent} datagrams left");
        sink
    }

    /// Bytes of the limited user on the wire: what has left, by whoever counts at the far end.
    fn delivered(&self) -> u64 {
        [STREAMS, FLOOD].iter().map(|port| self.link.flow(*port).0.bytes).sum()
    }

    /// The same when nothing comes any more.
    fn delivered_in_all(&self) -> u64 {
        let mut last = self.delivered();
        let mut quiet = 0;
        wait_for("the wire to be quiet", MINUTE, || {
            let now = self.delivered();
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
            if quiet > 50 { Ok(now) } else { Err(format!("{now} bytes")) }
        })
    }

    /// State and usage of the limited user.
    fn used(&self) -> Option<(String, u64)> {
        let status = self.home.status();
        let row = status.accounts.into_iter().find(|row| row.name == self.user.name)?;
        Some((row.state, row.total_usage))
    }

    fn events(&self, kind: &str) -> usize {
        let file = self.home.state_dir().join("events.jsonl");
        let text = fs::read_to_string(file).unwrap_or_default();
        let wanted = format!("\"event\":\"{kind}\"");
        text.lines().filter(|line| line.contains(&wanted) && line.contains(&self.user.name)).count()
    }

    /// The other user moves what it wants to, exactly.
    fn other_moves(&self) -> [Process; 2] {
        let exchange = Exchange {
            send: 20_000_000,
            receive: Some(20_000_000),
            write: 100_000,
            closes_first: false,
            progress: None,
        };
        let at = Self::at(OTHER);
        let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
        let (listener, _) = self.far(serve).listen();
        let connect = Role::TcpConnect { to: at, exchange, retry: false };
        [self.near(&self.other, connect).start(), listener]
    }
}

/// A stream and two flooding threads of one user, another user beside.
fn nothing_beyond_the_limit(agent_lives: bool) {
    let scene = Stage::new(BLOCK);
    let agent = Agent::start(&scene.home);
    scene.does(&["limit", "set", &scene.user.name, "5"]);
    let mut agent = Some(agent).filter(|_| agent_lives);
    let others = scene.other_moves();
    let stream = scene.stream();
    let _sink = scene.flood();
    let delivered = scene.delivered_in_all();
    for process in others {
        process.success(MINUTE);
    }
    let agent = agent.take().unwrap_or_else(|| Agent::start(&scene.home));
    let (state, used) = wait_for("the state", SOON, || match scene.used() {
        Some((state, used)) if state == "exceeded" => Ok((state, used)),
        other => Err(format!("{other:?}")),
    });
    println!("{state}: {used} counted, {delivered} delivered of {LIMIT}");
    let delivered = scene.delivered();
    assert!(delivered <= used && used <= LIMIT, "overshoot: {delivered} {used}");
    assert!(used + BUFFER > LIMIT, "stopped early: {used}");
    let (up, down) = scene.link.flow(OTHER);
    agent
        .reaches(&scene.other.name, vpnmon_tests::status::Bytes { up: up.bytes, down: down.bytes });
    assert_eq!(scene.events("exceeded"), 1);
    assert_eq!(scene.events("blocked"), 1);

    // A reset lets it go on, the live connection too.
    scene.does(&["reset", &scene.user.name]);
    wait_for("the live connection to go on", SOON, || {
        let now = scene.delivered();
        if now > delivered + MIB { Ok(()) } else { Err(format!("{now} bytes")) }
    });
    wait_for("the limit once more", SOON, || match scene.used() {
        Some((state, used)) if state == "exceeded" && used <= LIMIT => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(scene.delivered_in_all() <= delivered + LIMIT);
    drop(stream);
    let _ = agent.terminate();
}

#[test]
fn the_limit_is_the_last_byte_that_leaves() {
    nothing_beyond_the_limit(true);
}

#[test]
fn the_limit_holds_without_the_agent() {
    nothing_beyond_the_limit(false);
}

/// A tunnel client has no socket here.
#[test]
fn a_tunnel_client_is_cut_too() {
    let _machine = Machine::take();
    let peer = TestUser::new("peer");
    let gateway = Gateway::new(&[FLOOD]);
    let home = Home::new("[forward]\nnames = { '10.8.0.2/32' = 'alice' }");
    let agent = gateway.agent(&home);
    let at = internet(FLOOD, false);
    let sink = Order::new(Place::of(&peer).netns(&gateway.link.far.name), Role::UdpSink { at });
    let (_sink, _) = sink.listen();
    let client = |role| Order::new(Place::of(&peer).netns(&gateway.client.name), role).start();
    let flood = |threads, most| {
        client(Role::UdpFlood { to: at, threads, payload: 1200, refusals: u32::MAX, most })
    };
    // The account comes with its first packet.
    flood(1, 10).success(SOON);
    wait_for("the client's row", SOON, || {
        let ended = home.agent(&["limit", "set", "forward:alice", "5"]);
        if ended.code == 0 { Ok(()) } else { Err(ended.stderr) }
    });
    let _flood = flood(2, u64::MAX);
    let used = || {
        let status = agent.status();
        let row = status.accounts.iter().find(|row| row.name == "alice").cloned();
        row.map(|row| (row.state, row.total_usage))
    };
    let at_the_end = wait_for("the end", MINUTE, || match used() {
        Some((state, used)) if state == "exceeded" => Ok(used),
        other => Err(format!("{other:?}")),
    });
    println!(
        "{at_the_end} counted, {} beyond the gateway, of {LIMIT}",
        gateway.link.flow(FLOOD).0.bytes
    );
    assert!(at_the_end <= LIMIT && at_the_end + BUFFER > LIMIT, "{at_the_end}");
    // It goes on sending, and nothing leaves.
    let received = || statistics(&gateway.link.near, TUNNEL).0.bytes;
    let before = received();
    wait_for("ten times the limit", MINUTE, || match received() - before {
        bytes if bytes > 10 * LIMIT => Ok(()),
        bytes => Err(format!("{bytes} bytes")),
    });
    assert_eq!(used().map(|(_, used)| used), Some(at_the_end));
    assert!(gateway.link.flow(FLOOD).0.bytes <= at_the_end);
    let _ = agent.terminate();
}
