//! Many accounts: all of them right, the idle agent cheap, and no byte lost beyond the last slot.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    home::Home,
    machine::Machine,
    order::{Order, Place, Role},
    process::cpu_seconds,
    status::{Bytes, Status},
    wait::{equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);
const FIRST: u32 = 200_000;
const PAYLOAD: usize = 100;
/// IPv4 and UDP headers.
const HEADERS: u64 = 28;
const DATAGRAM: u64 = HEADERS + PAYLOAD as u64;

fn order(count: u32) -> Role {
    Role::ManyUids { first: FIRST, count, payload: PAYLOAD, mark: 0 }
}

/// Uplink and downlink of every `system/uid:N` row from [`FIRST`] on.
fn rows(status: &Status) -> BTreeMap<u32, Bytes> {
    let ours = status.accounts.iter().filter_map(|row| {
        let uid = row.uid.filter(|uid| (FIRST..FIRST + 100_000).contains(uid))?;
        assert_eq!((row.service.as_str(), row.name.clone()), ("system", format!("uid:{uid}")));
        Some((uid, Bytes { up: row.uplink, down: row.downlink }))
    });
    ours.collect()
}

/// What the process takes of a core in ten seconds in which nothing happens.
fn idle_share(pid: u32) -> f64 {
    let (before, start) = (cpu_seconds(pid), Instant::now());
    thread::sleep(Duration::from_secs(10));
    (cpu_seconds(pid) - before) / start.elapsed().as_secs_f64()
}

#[test]
fn ten_thousand_accounts() {
    const COUNT: u32 = 10_000;
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let pid = agent.id();
    let without = idle_share(pid);
    Order::new(Place::default(), order(COUNT)).start().success(MINUTE);

    let expected: BTreeMap<u32, Bytes> =
        (FIRST..FIRST + COUNT).map(|uid| (uid, Bytes { up: DATAGRAM, down: 0 })).collect();
    wait_for("all rows", MINUTE, || {
        let got = rows(&agent.status());
        let wrong = expected.iter().find(|(uid, bytes)| got.get(uid) != Some(bytes));
        wrong.map_or(Ok(()), |(uid, _)| {
            Err(format!("{} rows; uid {uid}: {:?}", got.len(), got.get(uid)))
        })
    });
    assert_eq!(rows(&agent.status()), expected);

    // Files of new accounts are still under way; then ten seconds in which nothing happens.
    wait_for("an agent that has written its files", MINUTE, || {
        let files = fs::read_dir(home.state_dir().join("usage")).map_or(0, Iterator::count);
        if files >= COUNT as usize { Ok(()) } else { Err(format!("{files} files")) }
    });
    let share = idle_share(pid);
    let drains = agent.terminate();
    let percents = [without, share].map(|it| format!("{:.2} %", it * 100.0));
    println!("idle with none and {COUNT} accounts, of a core: {percents:?}, {drains:?}");
    // A hundred awakenings a second cost what they do on the machine; the accounts add little to it.
    assert!(share < 2.0 * without + 0.005, "{percents:?} of a core");
    assert!(drains.mean_us < 500.0, "{drains:?}");
}

#[test]
fn more_accounts_than_slots() {
    const COUNT: u32 = 40;
    const SLOTS: u32 = 16;
    let _machine = Machine::take();
    let cgroup = Cgroup::new("many");
    let witness = Witness::attach(cgroup.path());
    let home = Home::new(&format!(
        "[meter]\ncgroup = '{}'\nmax_accounts = {SLOTS}",
        cgroup.path().display()
    ));
    let agent = Agent::start(&home);
    let place = Place::default().cgroup(cgroup.path());
    Order::new(place, order(COUNT)).start().success(MINUTE);

    let seen = Bytes { up: witness.egress().wire_bytes, down: witness.ingress().wire_bytes };
    let all = u64::from(COUNT) * DATAGRAM;
    assert_eq!(seen, Bytes { up: all, down: all });
    let status = wait_for("rows that add up", MINUTE, || {
        let status = agent.status();
        equal(status.sum(), &seen).map(|_| status)
    });
    // The first uid sends, then root's sink receives: one slot is root's, the rest the senders'.
    let own = u64::from(SLOTS - 1);
    let in_order: BTreeMap<u32, Bytes> =
        (FIRST..FIRST + SLOTS - 1).map(|uid| (uid, Bytes { up: DATAGRAM, down: 0 })).collect();
    assert_eq!(rows(&status), in_order);
    assert_eq!(status.bytes("system", "root"), Bytes { up: 0, down: all });
    let beyond = Bytes { up: all - own * DATAGRAM, down: 0 };
    assert_eq!(status.bytes("system", "overflow"), beyond);
    let log = agent.log();
    assert!(log.contains("max_accounts") || log.contains("slot"), "no warning in:\n{log}");
    let _ = agent.terminate();
}

/// Bytes a process has had written to disks (proc(5), `/proc/PID/io`).
fn written_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| unreachable!("{text}"))
}

/// All of them move all the time: the disk gets most of every second to itself, and the files of a
/// stopped agent are all right.
#[test]
fn ten_thousand_active_accounts() {
    const COUNT: u32 = 10_000;
    const ROUNDS: u64 = 8;
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let (pid, start) = (agent.id(), Instant::now());
    let (cpu, disk) = (cpu_seconds(pid), written_bytes(pid));
    for _ in 0..ROUNDS {
        Order::new(Place::default(), order(COUNT)).start().success(MINUTE);
    }
    let seconds = start.elapsed().as_secs_f64();
    let share = (cpu_seconds(pid) - cpu) / seconds;
    let mib_a_second = (written_bytes(pid) - disk) as f64 / seconds / f64::from(1 << 20);
    let expected = Bytes { up: ROUNDS * DATAGRAM, down: 0 };
    wait_for("all rows", MINUTE, || {
        let rows = rows(&agent.status());
        let wrong = rows.values().filter(|bytes| **bytes != expected).count();
        equal((rows.len(), wrong), &(10_000, 0))
    });
    let stopping = Instant::now();
    let _ = agent.terminate();
    println!(
        "{COUNT} accounts active for {seconds:.1} s: {:.1} % of a core, {mib_a_second:.1} MiB/s to \
         disk, stopped in {:.1} s",
        share * 100.0,
        stopping.elapsed().as_secs_f64()
    );
    for uid in (FIRST..FIRST + COUNT).step_by(997) {
        assert_eq!(home.usage(&format!("uid%3A{uid}")).uplink, expected.up);
    }
    assert!(share < 0.6, "{share} of a core");
    // A file takes a block of 4 KiB and its metadata: all of them each second would be 100 MiB.
    assert!(mib_a_second < 50.0, "{mib_a_second} MiB/s");
}
