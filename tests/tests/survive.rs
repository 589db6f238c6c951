//! The kernel goes on counting whatever becomes of the agent, and nothing is lost or doubled.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{net::SocketAddr, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    flow::{Flow, Kind},
    home::Home,
    link::Link,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::SOON,
};

const MINUTE: Duration = Duration::from_mins(1);
const PORT: u16 = 4001;
/// Enough to outlast a restart; a veth that segments carries some 100 MB a second.
const UPLOAD: u64 = 400_000_000;
const STEP: u64 = 10_000_000;

struct Upload {
    near: Process,
    far: Process,
}

/// An upload of [`UPLOAD`] bytes that tells how far it is.
fn upload(link: &Link, user: &TestUser, peer: &TestUser) -> Upload {
    let exchange = Exchange {
        send: UPLOAD,
        receive: Some(1000),
        write: 1 << 18,
        closes_first: false,
        progress: Some(STEP),
    };
    let to = SocketAddr::new(Link::far_address(false), PORT);
    let serve = Role::TcpListen { at: to, exchange: exchange.mirrored(), connections: 1 };
    let (far, _) = Order::new(Place::of(peer).netns(&link.far.name), serve).listen();
    let connect = Role::TcpConnect { to, exchange, retry: false };
    Upload { near: Order::new(Place::of(user).netns(&link.near.name), connect).start(), far }
}

fn truth(link: &Link) -> Bytes {
    let (up, down) = link.flow(PORT);
    Bytes { up: up.bytes, down: down.bytes }
}

#[test]
fn kill_while_a_user_sends() {
    let _machine = Machine::take();
    let (alice, peer) = (TestUser::new("alice"), TestUser::new("peer"));
    let link = Link::new(1500, &[PORT]);
    let home = Home::new("");
    let agent = Agent::start(&home);
    let pinned = home.pins();
    assert!(!pinned.is_empty(), "nothing is pinned in {}", home.bpffs.display());

    let mut upload = upload(&link, &alice, &peer);
    let _ = upload.near.number("sent", SOON);
    agent.kill9();
    let killed_at = upload.near.number("sent", SOON);
    let mut still = home.pins();
    still.sort();
    let mut before = pinned;
    before.sort();
    assert_eq!(still, before, "pins after SIGKILL");
    let agent = Agent::start(&home);
    let restarted_at = upload.near.number("sent", SOON);
    assert!(restarted_at < UPLOAD, "the upload was over before the agent was back");
    upload.near.success(MINUTE);
    upload.far.success(MINUTE);

    let truth = truth(&link);
    println!("killed by {killed_at}, back by {restarted_at}, wire {truth:?}");
    agent.reaches(&alice.name, truth);
    let _ = agent.terminate();
    let usage = home.usage(&alice.name);
    assert_eq!(Bytes { up: usage.uplink, down: usage.downlink }, truth);
    assert_eq!(usage.total_usage, truth.up);
}

/// Traffic of 1 MB up and 2 MB down; the wire's totals after it.
fn some_traffic(link: &Link, cgroup: &Cgroup, user: &TestUser, peer: &TestUser) -> Bytes {
    let kind = Kind::Tcp { up: 1_000_000, down: 2_000_000, write: 50_000 };
    let flow = Flow { user, port: PORT, v6: true, kind };
    flow.start(link, cgroup.path(), peer).finish(MINUTE);
    truth(link)
}

/// Stops `agent` and compares the account's file with what status said last.
fn stops_with_files(agent: Agent<'_>, home: &Home, name: &str, truth: Bytes) {
    agent.reaches(name, truth);
    let status = agent.status();
    let row = status.accounts.iter().find(|row| row.name == name);
    let row = row.unwrap_or_else(|| unreachable!("reached above")).clone();
    let _ = agent.terminate();
    let usage = home.usage(name);
    println!("{usage:?}");
    assert_eq!(usage.username, name);
    assert_eq!(usage.service, "ssh");
    assert_eq!(Bytes { up: usage.uplink, down: usage.downlink }, truth);
    assert_eq!((usage.total_usage, usage.daily_usage), (truth.up, truth.up));
    assert_eq!((row.total_usage, row.daily_usage), (truth.up, truth.up));
    assert_eq!((row.total_limit, usage.total_limit), (0, 0));
    assert_eq!(row.remaining, None, "no limit, so nothing to remain of");
    assert_eq!(row.last_reset, usage.last_reset);
    assert_eq!(row.state, "ok");
}

#[test]
fn stop_detach_and_start_again() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("survive");
    let (alice, peer) = (TestUser::new("alice"), TestUser::new("peer"));
    let link = Link::new(1500, &[PORT]);
    let home = Home::new("");

    // First life.
    let agent = Agent::start(&home);
    let truth = some_traffic(&link, &cgroup, &alice, &peer);
    stops_with_files(agent, &home, &alice.name, truth);
    let first = home.usage(&alice.name);
    assert_eq!((first.baseline_usage, first.last_stats), (0, truth.up));

    // Nobody runs, the kernel counts; the same epoch goes on.
    let truth = some_traffic(&link, &cgroup, &alice, &peer);
    let agent = Agent::start(&home);
    stops_with_files(agent, &home, &alice.name, truth);
    let second = home.usage(&alice.name);
    assert_eq!((second.baseline_usage, second.last_stats), (0, truth.up));
    assert_eq!(second.epoch, first.epoch);

    // Traffic after the stop is in the kernel only, until `detach` writes it down.
    let truth = some_traffic(&link, &cgroup, &alice, &peer);
    let ended = home.agent(&["detach"]);
    assert_eq!(ended.code, 0, "detach: {}", ended.stderr);
    assert_eq!(home.pins(), Vec::<String>::new());
    let flushed = home.usage(&alice.name);
    assert_eq!(Bytes { up: flushed.uplink, down: flushed.downlink }, truth);

    // Unmetered, for the wire only: what follows is counted from here.
    let unmetered = some_traffic(&link, &cgroup, &alice, &peer);
    let agent = Agent::start(&home);
    let after = some_traffic(&link, &cgroup, &alice, &peer);
    let expected = Bytes {
        up: truth.up + after.up - unmetered.up,
        down: truth.down + after.down - unmetered.down,
    };
    stops_with_files(agent, &home, &alice.name, expected);
    let third = home.usage(&alice.name);
    assert_ne!(third.epoch, first.epoch);
    assert_eq!((third.baseline_usage, third.last_stats), (truth.up, after.up - unmetered.up));
}
