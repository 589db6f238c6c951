//! Bytes by host: what a connection moves from its first word on is the host's that it names there,
//! and nobody else's.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{collections::BTreeMap, process as this, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    gateway::{Gateway, internet},
    home::Home,
    link::Link,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
/// A connection is opened before anything is said: SYN and the acknowledgement of the other end's,
/// with the options of Linux (20 bytes of IP, 20 of TCP, 20 and 12 of options).
const OPENING: Bytes = Bytes { up: 60 + 52, down: 60 };

struct Visit<'a> {
    link: &'a Link,
    user: &'a TestUser,
    peer: &'a TestUser,
    port: u16,
    name: String,
    exchange: Exchange,
}

impl Visit<'_> {
    /// The visitor and the server.
    fn start(&self, pace: Option<u32>) -> (Process, Process) {
        let to = (Link::far_address(false), self.port).into();
        let exchange = self.exchange.mirrored();
        let serve = Role::TcpAnswer { at: to, exchange };
        let far = Place::of(self.peer).netns(&self.link.far.name);
        let (server, _) = Order::new(far, serve).listen();
        let near = Place::of(self.user).netns(&self.link.near.name);
        let visit = Role::TcpVisit { to, name: self.name.clone(), exchange: self.exchange };
        (Order { pace, ..Order::new(near, visit) }.start(), server)
    }

    /// On the wire, both ways.
    fn wire(&self) -> Bytes {
        let (up, down) = self.link.flow(self.port);
        Bytes { up: up.bytes, down: down.bytes }
    }
}

fn exchange(send: u64, receive: u64) -> Exchange {
    let receive = Some(receive);
    Exchange { send, receive, write: 100_000, closes_first: false, progress: None }
}

/// The name of a host of this test.
fn host(word: &str) -> String {
    format!("{word}.b{}.example", this::id())
}

#[test]
fn two_hosts_at_once_have_each_its_own() {
    let _machine = Machine::take();
    let (user, peer, link) =
        (TestUser::new("user"), TestUser::new("peer"), Link::new(1500, &[4001, 4002]));
    let home = Home::new("");
    let agent = Agent::start(&home);
    let visit = |port, word, send, receive| {
        let exchange = exchange(send, receive);
        Visit { link: &link, user: &user, peer: &peer, port, name: host(word), exchange }
    };
    let visits = [visit(4001, "up", 5_000_000, 100_000), visit(4002, "down", 50_000, 7_000_000)];
    let running = visits.each_ref().map(|visit| visit.start(None));
    for (near, far) in running {
        near.success(MINUTE);
        far.success(MINUTE);
    }
    let [up, down] = visits.each_ref().map(Visit::wire);
    println!("wire: {up:?} and {down:?}");
    agent.reaches(&user.name, up + down);
    let expected: BTreeMap<_, _> = [
        (host("up"), up - OPENING),
        (host("down"), down - OPENING),
        ("*other*".to_owned(), OPENING + OPENING),
    ]
    .into();
    wait_for("the hosts' bytes", SOON, || equal(home.host_bytes(&user.name), &expected));

    // Usage that begins anew begins without hosts.
    let ended = home.agent(&["reset", &user.name]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let left: Bytes = home.host_bytes(&user.name).into_values().sum();
    assert_eq!(left, Bytes::default());
    let _ = agent.terminate();
}

/// The sightings in `hosts.jsonl` of hosts of this test: host, way, client, user.
fn sightings(home: &Home) -> Vec<[String; 4]> {
    let log = std::fs::read_to_string(home.state_dir().join("hosts.jsonl")).unwrap_or_default();
    let rows = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let word = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let rows = rows.map(|row| ["host", "direction", "source_ip", "user"].map(|it| word(&row, it)));
    let suffix = host("");
    let mut rows: Vec<_> = rows.filter(|[host, ..]| host.ends_with(&suffix)).collect();
    rows.sort();
    rows
}

#[test]
fn hosts_of_tunnel_clients_are_read_once_and_have_their_bytes() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[4001, 4002]);
    let home = Home::new("[forward]\nnames = { '10.8.0.2' = 'alice', 'fd00:8::/64' = 'bob' }");
    let agent = gateway.agent(&home);
    let visit = |port, v6, word: &str, send, receive| {
        let (to, exchange) = (internet(port, v6), exchange(send, receive));
        let far = Place::of(&user).netns(&gateway.link.far.name);
        let serve = Role::TcpAnswer { at: to, exchange: exchange.mirrored() };
        let (server, _) = Order::new(far, serve).listen();
        let near = Place::of(&user).netns(&gateway.client.name);
        let visitor = Order::new(near, Role::TcpVisit { to, name: host(word), exchange }).start();
        visitor.success(MINUTE);
        server.success(MINUTE);
    };
    visit(4001, false, "a", 2_000_000, 100_000);
    visit(4002, true, "b", 50_000, 3_000_000);
    // With IPv6 an opening has 20 bytes of header more in each of three packets.
    let v6 = Bytes { up: OPENING.up + 40, down: OPENING.down + 20 };
    for (counter, name, word, opening) in [("v4", "alice", "a", OPENING), ("v6", "bob", "b", v6)] {
        let (sent, received) = gateway.carried(counter);
        let all = Bytes { up: sent.bytes, down: received.bytes };
        agent.reaches_in("forward", name, all);
        let expected: BTreeMap<_, _> =
            [(host(word), all - opening), ("*other*".to_owned(), opening)].into();
        wait_for("the hosts' bytes", SOON, || {
            equal(home.host_bytes(&format!("forward:{name}")), &expected)
        });
        println!("{name}: {expected:?}");
    }
    let row = |word: &str, ip: &str, user: &str| {
        [host(word), "forward".to_owned(), ip.to_owned(), user.to_owned()]
    };
    let expected = vec![row("a", "10.8.0.2", "alice"), row("b", "fd00:8::2", "bob")];
    wait_for("the sightings", SOON, || {
        let seen: Vec<_> = sightings(&home).into_iter().filter(|it| it[1] == "forward").collect();
        equal(seen, &expected)
    });
    let _ = agent.terminate();
}

#[test]
fn what_is_queued_when_a_socket_closes_has_its_host() {
    let _machine = Machine::take();
    let (user, peer, link) =
        (TestUser::new("user"), TestUser::new("peer"), Link::new(1500, &[4001]));
    let home = Home::new("");
    let agent = Agent::start(&home);
    let exchange = Exchange { closes_first: true, ..exchange(3_000_000, 1000) };
    let visit =
        Visit { link: &link, user: &user, peer: &peer, port: 4001, name: host("late"), exchange };
    let (near, far) = visit.start(Some(2_000_000));
    near.success(MINUTE);
    let at_close = visit.wire();
    far.success(MINUTE);
    println!("at the close {at_close:?}, in the end {:?}", visit.wire());
    assert!(at_close.up < 3_000_000, "nothing was queued");
    wait_for("the host's bytes", SOON, || {
        let all = agent.status().bytes("ssh", &user.name);
        let host = home.host_bytes(&user.name).get(&host("late")).copied().unwrap_or_default();
        if host.up < 3_000_000 { Err(format!("{host:?}")) } else { equal(host, &(all - OPENING)) }
    });
    let _ = agent.terminate();
}

#[test]
fn a_connection_that_outlives_the_agent_goes_on_without_a_name() {
    let _machine = Machine::take();
    let (user, peer, link) =
        (TestUser::new("user"), TestUser::new("peer"), Link::new(1500, &[4001, 4002]));
    let home = Home::new("");
    let agent = Agent::start(&home);
    let exchange = Exchange { progress: Some(1_000_000), ..exchange(60_000_000, 1000) };
    let long =
        Visit { link: &link, user: &user, peer: &peer, port: 4001, name: host("long"), exchange };
    let (mut near, far) = long.start(Some(20_000_000));
    let _ = near.number("sent", SOON);
    let _ = agent.terminate();
    let agent = Agent::start(&home);
    assert!(near.ended().is_none(), "the upload was over before the agent was back");
    // Another takes the row that was its own, if rows are given out in the same order.
    let exchange = self::exchange(50_000, 2_000_000);
    let other =
        Visit { link: &link, user: &user, peer: &peer, port: 4002, name: host("other"), exchange };
    let before = home.host_bytes(&user.name).remove(&host("long")).unwrap_or_default();
    assert!((1..60_000_000).contains(&before.up), "{before:?}");
    let (visitor, server) = other.start(None);
    for process in [visitor, server, near, far] {
        process.success(MINUTE);
    }
    agent.reaches(&user.name, long.wire() + other.wire());
    wait_for("the hosts' bytes", SOON, || {
        let hosts = home.host_bytes(&user.name);
        equal(hosts.get(&host("other")).copied(), &Some(other.wire() - OPENING))?;
        equal(hosts.get(&host("long")), &Some(&before))?;
        equal(hosts.into_values().sum::<Bytes>(), &(long.wire() + other.wire()))
    });
    println!("named {before:?} of {:?}", long.wire());
    let _ = agent.terminate();
}

#[test]
fn rows_are_used_again_and_no_byte_is_of_another_host() {
    const ROWS: usize = 64;
    let _machine = Machine::take();
    let (user, peer, link) =
        (TestUser::new("user"), TestUser::new("peer"), Link::new(1500, &[4001]));
    let home = Home::new("[hosts]\nmax_flows = 64");
    let agent = Agent::start(&home);
    let mut visits = 0;
    // Those that find no row are nobody's; so on until every row must have had several hosts.
    let named = wait_for("hosts of three times the rows", MINUTE, || {
        for _ in 0..16 {
            let name = host(&format!("n{visits}"));
            let exchange = exchange(2000, 1000);
            let visit = Visit { link: &link, user: &user, peer: &peer, port: 4001, name, exchange };
            let (near, far) = visit.start(None);
            near.success(MINUTE);
            far.success(MINUTE);
            visits += 1;
        }
        let named = home.host_bytes(&user.name).into_iter().filter(|(_, bytes)| bytes.up > 0);
        let named: BTreeMap<_, _> = named.collect();
        if named.len() > 3 * ROWS { Ok(named) } else { Err(format!("{} hosts", named.len())) }
    });
    println!("{visits} visits, {} hosts with bytes", named.len());
    // Payload, headers of a few packets and acknowledgements; the last are read a moment after those
    // of the account.
    let is_one_visit =
        |bytes: &Bytes| (2000..2600).contains(&bytes.up) && (1000..1600).contains(&bytes.down);
    wait_for("a visit's bytes for each host", SOON, || {
        let named = home.host_bytes(&user.name);
        let all = agent.status().bytes("ssh", &user.name);
        equal(named.values().copied().sum::<Bytes>(), &all)?;
        let odd = named.into_iter().filter(|(host, bytes)| host != "*other*" && bytes.up > 0);
        equal(odd.filter(|(_, bytes)| !is_one_visit(bytes)).collect(), &Vec::new()).map(drop)
    });
    let _ = agent.terminate();
}
