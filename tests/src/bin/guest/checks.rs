//! What must hold on every kernel, in this order. To add one: a function and a line in [`CHECKS`].

use std::{
    fs, mem,
    net::{TcpListener, UdpSocket},
};

use vpnmon_tests::{
    agent::Agent,
    bpf,
    doctor::{Doctor, Outcome},
    home::Home,
    machine::{cgroup2, kernel_version},
    status::Bytes,
    usage::UsageFile,
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

use crate::{report, session, stage::Stage, system, traffic, tunnel::Tunnels};

type Check = fn(&mut Stage<'_>);

const CHECKS: [(&str, Check); 11] = [
    ("guest", guest),
    ("truth", truth),
    ("doctor", doctor),
    ("load", load),
    ("count", count),
    ("pinned", pinned),
    ("adopt", adopt),
    ("tags", tags),
    ("tunnel", tunnel),
    ("limit", limit),
    ("detach", detach),
];

/// Name of the counters' map in the kernel.
const COUNTERS: &str = "SLOTS";

/// Runs them all; one that fails does not keep the next from trying.
pub fn run_all() {
    report::plan(CHECKS.iter().map(|(name, _)| *name));
    fs::write(session::LOG, "").unwrap_or_else(|e| panic!("{}: {e}", session::LOG));
    let home =
        Home::new(&format!("[ssh]\nauth_log = '{}'\n[enforce]\nssh = 'block'\n", session::LOG));
    let mut stage = Stage::new(&home);
    for (name, check) in CHECKS {
        report::check(name, || check(&mut stage));
    }
    drop(stage);
    // Power off cleans up better, and a failed detach has been told.
    mem::forget(home);
}

/// The guest itself, so that nobody looks for its faults in the agent.
fn guest(_: &mut Stage<'_>) {
    assert_eq!(cgroup2().to_str(), Some("/sys/fs/cgroup"));
    for address in ["127.0.0.1:0", "[::1]:0"] {
        TcpListener::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        UdpSocket::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    }
    assert_eq!(system::network_devices(), Vec::<String>::new(), "something could leave");
}

/// The sums that the agent will be held to, against a program that counts by itself.
fn truth(_: &mut Stage<'_>) {
    let witness = Witness::attach(&cgroup2());
    let total = traffic::every_kind().total();
    let seen = || Bytes { up: witness.egress().wire_bytes, down: witness.ingress().wire_bytes };
    wait_for("the witness", SOON, || equal(seen(), &total));
    let (sent, received) = (witness.egress(), witness.ingress());
    assert!(sent.buffer_bytes < sent.wire_bytes, "no super-packets: {sent:?} {received:?}");
}

fn doctor(stage: &mut Stage<'_>) {
    let ended = stage.home.agent(&["doctor", "--json"]);
    assert_eq!(ended.code, 0, "{} {}", ended.stdout, ended.stderr);
    let doctor = Doctor::read(&ended.stdout);
    let failed = doctor.checks.iter().find(|check| check.status == Outcome::Fail);
    assert!(doctor.ok && failed.is_none(), "{doctor:?}");
    // Debian's kernels have BTF and lend the helper, so users are told apart in any namespace.
    let uids = doctor.checks.iter().find(|check| check.id == "uids");
    assert!(uids.is_some_and(|check| check.status == Outcome::Ok), "{uids:?}");
}

fn load(stage: &mut Stage<'_>) {
    let agent = Agent::start(stage.home);
    assert_eq!(agent.status().agent.hooks.cgroup_skb, "/sys/fs/cgroup");
    stage.counters = bpf::maps(COUNTERS);
    assert_eq!(stage.counters.len(), 1, "maps named {COUNTERS}");
    assert_ne!(bpf::programs(), stage.foreign_programs, "no program is loaded");
    // Only now: the checks that follow need not wait for what cannot come.
    stage.agent = Some(agent);
}

fn count(stage: &mut Stage<'_>) {
    let _ = stage.agent();
    stage.expected += traffic::every_kind();
    stage.rows_are_exact();
}

fn pinned(stage: &mut Stage<'_>) {
    let _ = stage.agent();
    stage.epoch = Some(alice_is_saved(stage).epoch);
    let pins = sorted(stage.home.pins());
    if let Some(agent) = stage.agent.take() {
        agent.kill9();
    }
    stage.expected += traffic::every_kind();
    assert!(!pins.is_empty(), "nothing is pinned");
    assert_eq!(sorted(stage.home.pins()), pins);
    assert_eq!(bpf::maps(COUNTERS), stage.counters);
}

fn adopt(stage: &mut Stage<'_>) {
    assert!(stage.epoch.is_some(), "no agent has run before");
    stage.agent = Some(Agent::start(stage.home));
    stage.rows_are_exact();
    assert_eq!(bpf::maps(COUNTERS), stage.counters);
    assert_eq!(Some(alice_is_saved(stage).epoch), stage.epoch);
    stage.expected += traffic::every_kind();
    stage.rows_are_exact();
}

/// Sockets of a session that are root's are counted for its user.
fn tags(stage: &mut Stage<'_>) {
    let moved = session::of(stage, "alice");
    stage.expected.add_alice(moved);
    stage.rows_are_exact();
}

/// Filters or links on two tunnels, and a client that is counted by them whatever becomes of the
/// agent.
fn tunnel(stage: &mut Stage<'_>) {
    let mut tunnels = Tunnels::new();
    Tunnels::are_metered(stage.agent());
    let degraded = stage.agent().status().agent.degraded;
    let has_tcx = kernel_version() >= (6, 6);
    let says_clsact = degraded.iter().any(|line| line.starts_with("tcx: "));
    assert_eq!(says_clsact, !has_tcx, "{degraded:?}");
    assert!(!degraded.iter().any(|line| line.starts_with("tc on ")), "{degraded:?}");
    tunnels.exchange();
    tunnels.are_exact(stage.agent());
    if let Some(agent) = stage.agent.take() {
        agent.kill9();
    }
    tunnels.exchange();
    stage.agent = Some(Agent::start(stage.home));
    tunnels.are_exact(stage.agent());
    tunnels.exchange();
    tunnels.are_exact(stage.agent());
    stage.tunnels = Some(tunnels);
}

/// Nothing leaves beyond a limit, also without the agent.
fn limit(stage: &mut Stage<'_>) {
    const MIB: u64 = 1 << 20;
    // Without one the limit would go to the disk alone, and nothing would end the flood.
    let _ = stage.agent();
    let set = stage.home.agent(&["limit", "set", "carol", "1"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    if let Some(agent) = stage.agent.take() {
        agent.kill9();
    }
    traffic::flood_of_carol();
    stage.agent = Some(Agent::start(stage.home));
    let used = wait_for("the limit of carol", SOON, || {
        let rows = stage.agent().status().accounts;
        let row = rows.into_iter().find(|row| row.name == "carol");
        let row = row.ok_or_else(|| "no row".to_owned())?;
        equal(row.state.as_str(), &"exceeded").map(|_| row.total_usage)
    });
    assert!(used <= MIB && used + 1228 > MIB, "{used} of {MIB}");
}

fn detach(stage: &mut Stage<'_>) {
    let agent = stage.agent.take().unwrap_or_else(|| panic!("no agent runs"));
    let _ = agent.terminate();
    alice_is_saved(stage);
    let ended = stage.home.agent(&["detach"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(stage.home.pins(), Vec::<String>::new());
    // The kernel frees them a moment after the last user has gone.
    wait_for("no programs but the others'", SOON, || {
        equal(bpf::programs(), &stage.foreign_programs)
    });
    if stage.tunnels.is_some() {
        Tunnels::are_free();
    }
    wait_for("no counters", SOON, || equal(bpf::maps(COUNTERS).len(), &0));
}

/// Alice's usage file, once all her traffic is in it.
fn alice_is_saved(stage: &Stage<'_>) -> UsageFile {
    let alice = stage.expected.0[0];
    wait_for("the usage file of alice", SOON, || {
        let dir = stage.home.state_dir().join("usage");
        if !dir.join("alice.json").exists() {
            return Err(format!("none in {}", dir.display()));
        }
        let usage = stage.home.usage("alice");
        equal(Bytes { up: usage.uplink, down: usage.downlink }, &alice).map(|_| usage)
    })
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
