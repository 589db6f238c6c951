//! Floods of names: bounded memory and files, every loss counted, no byte lost, and whoever is honest
//! is heard.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    datagram::INITIAL,
    home::Home,
    machine::Machine,
    order::{Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    visit::server,
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);
const FLOOD: u32 = 200_000;
/// Requests on a connection: what fits into the 16 KiB that are looked at.
const A_CONNECTION: u32 = 256;
const HONEST: u32 = 300;
/// Share of one source in the hosts that are kept.
const SHARE: u64 = 25_000;

/// Who floods and who does not, and the agent that meters both and nobody else.
struct Stage {
    home: Home,
    users: [TestUser; 2],
    witness: Witness,
    cgroup: Cgroup,
}

impl Stage {
    fn new(name: &str) -> Self {
        let cgroup = Cgroup::new(name);
        let home = Home::new(&format!("[meter]\ncgroup = '{}'", cgroup.path().display()));
        let witness = Witness::attach(cgroup.path());
        let users = [TestUser::new("flooder"), TestUser::new("honest")];
        Self { home, users, witness, cgroup }
    }

    fn start(&self, user: usize, role: Role) -> Process {
        let place = Place::of(&self.users[user]).cgroup(self.cgroup.path());
        Order::new(place, role).start()
    }

    /// `hosts list`, of one user or of all.
    fn hosts(&self, user: Option<usize>) -> Vec<Value> {
        let of_user = user.map(|user| ["--user", &self.users[user].name[..]]);
        let arguments = [&["hosts", "list", "--json"][..], of_user.as_ref().map_or(&[], |it| it)];
        let ended = self.home.agent(&arguments.concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let list: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        list["hosts"].as_array().cloned().unwrap_or_default()
    }

    /// All rows together are what the hook saw, and both users' have moved.
    fn rows_are_exact(&self, agent: &Agent<'_>) {
        wait_for("rows that add up", SOON, || {
            let status = agent.status();
            let (up, down) = (self.witness.egress().wire_bytes, self.witness.ingress().wire_bytes);
            equal(status.sum(), &Bytes { up, down })?;
            let rows = self.users.iter().map(|user| status.bytes("ssh", &user.name));
            let unattributed = status.bytes("system", "unattributed");
            equal(rows.sum::<Bytes>() + unattributed, &Bytes { up, down }).map(drop)
        });
    }
}

fn count(row: &Value) -> u64 {
    row["count"].as_u64().unwrap_or_default()
}

/// KiB that a process has in memory.
fn resident_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// User and system time of a process.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Bytes of the files whose names begin so.
fn size(home: &Home, start: &str) -> u64 {
    let entries = fs::read_dir(home.state_dir()).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    ours.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[test]
fn a_flood_of_names_takes_nothing_from_others() {
    let _machine = Machine::take();
    let stage = Stage::new("names");
    let agent = Agent::start(&stage.home);
    let to = server(Ipv4Addr::LOCALHOST.into());
    let before = resident_kib(agent.id());
    let visits = |domain: &str, count, a_connection, pause_ms| Role::Visits {
        to,
        domain: domain.to_owned(),
        count,
        a_connection,
        pause_ms,
    };
    let mut honest = stage.start(1, visits("honest.example", HONEST, 1, 10));
    assert_eq!(honest.line(SOON), "began");
    let started = Instant::now();
    let mut flood = stage.start(0, visits("flood.example", FLOOD, A_CONNECTION, 0));
    assert_eq!(flood.line(SOON), "began");
    // Whoever looks meanwhile does not disturb either.
    let mut looks = 0;
    while flood.ended().is_none() {
        assert!(stage.hosts(None).len() as u64 <= SHARE + u64::from(HONEST) + 2);
        looks += 1;
    }
    let flooded = started.elapsed();
    flood.success(MINUTE);
    honest.success(MINUTE);

    let expected: BTreeSet<String> = (0..HONEST).map(|n| format!("{n:x}.honest.example")).collect();
    wait_for("the honest names", SOON, || {
        let hosts = stage.hosts(Some(1));
        let names = hosts.iter().filter_map(|row| row["host"].as_str().map(str::to_owned));
        equal(names.collect::<BTreeSet<_>>(), &expected).map(drop)
    });
    let lost = wait_for("every name told or lost", SOON, || {
        let lost = agent.status().agent.lost;
        let reason = |name: &str| lost.host_reasons.get(name).copied().unwrap_or(0);
        let told: u64 = stage.hosts(None).iter().map(count).sum();
        let all = told + reason("rate-limit") + reason("ring-full");
        equal(all, &u64::from(FLOOD + HONEST)).map(|_| lost)
    });
    stage.rows_are_exact(&agent);
    let grown_kib = resident_kib(agent.id()).saturating_sub(before);
    let pid = agent.id();
    let cpu = cpu_seconds(pid);
    let drains = agent.terminate();
    let sizes = ["hosts.log", "hosts.jsonl", "hosts.json"].map(|name| size(&stage.home, name));
    println!(
        "{FLOOD} names in {flooded:.1?}, {looks} looks: {grown_kib} KiB more, files {sizes:?} bytes, \
         {cpu:.1} s of CPU, {drains:?}, lost {:?}",
        lost.host_reasons
    );
    assert!(lost.host_reasons.get("rate-limit") > Some(&0), "{lost:?}");
    assert!(grown_kib < 96 << 10, "{grown_kib} KiB");
    let [log, events, saved] = sizes;
    assert!(log < 2 << 20 && events < 85 << 20 && saved < 105 << 20, "{sizes:?}");
}

#[test]
fn a_flood_of_junk_costs_the_agent_little_and_others_nothing() {
    const FLOODED: Duration = Duration::from_secs(3);
    let _machine = Machine::take();
    let stage = Stage::new("junk");
    let agent = Agent::start(&stage.home);
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), sink.local_addr().unwrap().port());
    thread::spawn(move || while sink.recv(&mut [0; 2048]).is_ok() {});
    let mut junk = INITIAL.to_vec();
    junk[600] ^= 1;
    let datagrams = |payload, count, pause_us, most: Duration| Role::Datagrams {
        to,
        payload,
        count,
        pause_us,
        millis: u64::try_from(most.as_millis()).unwrap(),
    };
    let cpu = cpu_seconds(agent.id());
    let mut flood = stage.start(0, datagrams(junk, u32::MAX, 0, FLOODED));
    let honest = datagrams(INITIAL.to_vec(), HONEST, 5000, MINUTE);
    let mut honest = stage.start(1, honest);
    let sent = flood.number("sent", MINUTE);
    assert_eq!(honest.number("sent", MINUTE), u64::from(HONEST));
    flood.success(MINUTE);
    honest.success(MINUTE);
    let lost = wait_for("every datagram read or lost", SOON, || {
        let lost = agent.status().agent.lost;
        let reason = |name: &str| lost.host_reasons.get(name).copied().unwrap_or(0);
        let hosts = stage.hosts(Some(1));
        let read = hosts.iter().find(|row| row["host"] == "quic.example").map_or(0, count);
        equal((reason("quic") + reason("rate-limit"), read), &(sent, u64::from(HONEST)))?;
        Ok(lost)
    });
    stage.rows_are_exact(&agent);
    let share = (cpu_seconds(agent.id()) - cpu) / FLOODED.as_secs_f64();
    let drains = agent.terminate();
    println!(
        "{sent} junk datagrams in {FLOODED:?}: {:.1} % of a core, {drains:?}, lost {:?}",
        share * 100.0,
        lost.host_reasons
    );
    // A thousand a second are tried.
    assert!(lost.host_reasons["quic"] <= 5000, "{lost:?}");
    assert!(share < 0.25, "{share} of a core");
}
