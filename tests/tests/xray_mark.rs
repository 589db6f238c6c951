//! Users of a real v2ray (or Xray) that the kernel tells by the marks of their sockets.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    thread,
    time::Duration,
};

use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    doctor::{Doctor, Outcome},
    hello,
    home::Home,
    machine::Machine,
    namespace::Namespace,
    nft::NftWire,
    order::{Order, Place, Role},
    status::Bytes,
    user::TestUser,
    wait::{SOON, wait_for},
    xray::{ORIGIN, Origin, Protocol, Xray, ask, exchange},
};

const UP: u64 = 20_000_000;
const DOWN: u64 = 30_000_000;
const USERS: [(&str, Protocol); 4] = [
    ("vm", Protocol::Vmess),
    ("vl", Protocol::Vless),
    ("tr", Protocol::Trojan),
    ("ss", Protocol::Shadowsocks),
];

/// A server with marks in its config, and the agent's home.
struct Stage {
    _machine: Machine,
    xray: Xray,
    home: Home,
    origin: Origin,
}

impl Stage {
    fn new(users: &[(&str, Protocol)], mode: &str, sections: &str) -> Self {
        let machine = Machine::take();
        let mut xray = Xray::start(users);
        xray.start_client();
        let home = Home::new(&Self::sections(&xray, mode, sections));
        let again = home.agent(&["xray", "snippet"]).stdout;
        let added = xray.add_snippet(&home);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), added);
        xray.restart();
        Self { _machine: machine, xray, home, origin: Origin::start() }
    }

    fn sections(xray: &Xray, mode: &str, sections: &str) -> String {
        format!("{sections}\n{}mode = '{mode}'\n", xray.section())
    }

    fn exchange(&self, user: usize, up: u64, down: u64) {
        let stream = self.xray.visit(user, &self.origin).unwrap_or_else(|e| panic!("{user}: {e}"));
        let back = exchange(stream, up, down).unwrap_or_else(|e| panic!("{user}: {e}"));
        assert_eq!(back, down);
    }

    fn does(&self, arguments: &[&str]) {
        let ended = self.home.agent(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }
}

/// Waits until these users' counters are of `unit`.
#[track_caller]
fn counted_by(agent: &Agent<'_>, unit: &str, names: &[&str]) {
    wait_for(&format!("users to count by {unit}"), SOON, || {
        let status = agent.status();
        let is_so =
            |name: &&str| status.accounts.iter().any(|row| row.name == **name && row.unit == unit);
        if names.iter().all(is_so) {
            return Ok(());
        }
        Err(format!("{:?}\n{:?}\n{}", status.accounts, status.agent.degraded, agent.log()))
    });
}

/// IPv4 and TCP headers with timestamps.
const HEADERS: u64 = 52;

/// nftables' count of the packets to and from a port on loopback; taken away on drop.
struct Wire {
    near: Namespace,
    counters: NftWire,
}

impl Wire {
    fn new(port: u16) -> Self {
        // A name for the machine's own.
        let near = Namespace::of_process("lo", std::process::id());
        // What a slow receiver gets in several segments at once would have one header here.
        merges_segments(&near, "off");
        let rules = [("up", "dport"), ("down", "sport")];
        let rules = rules.map(|(name, end)| (name.to_owned(), format!("tcp {end} {port}")));
        let counters = NftWire::load_as(TABLE, &near, "lo", &rules);
        Self { near, counters }
    }

    /// Bytes and packets, up and down.
    fn counts(&self) -> [(u64, u64); 2] {
        let counts = self.counters.counts();
        ["up", "down"].map(|name| (counts[name].bytes, counts[name].packets))
    }
}

fn merges_segments(near: &Namespace, state: &str) {
    near.exec(&["ethtool", "-K", "lo", "tso", state, "gso", state]);
}

impl Drop for Wire {
    fn drop(&mut self) {
        merges_segments(&self.near, "on");
        self.near.exec(&["nft", "delete", "table", "netdev", TABLE]);
    }
}

const TABLE: &str = "vpnmon_test_mark";

/// Waits until the row is within 1 % above the payload, but for the headers of small segments.
#[track_caller]
fn reaches(agent: &Agent<'_>, (name, protocol): (&str, Protocol), payload: Bytes) -> Bytes {
    let is_near =
        |counted: u64, payload: u64| counted >= payload && counted <= payload + payload / 33 + 2000;
    let look = || {
        let bytes = agent.status().bytes(protocol.word(), name);
        let is_there = is_near(bytes.up, payload.up) && is_near(bytes.down, payload.down);
        if is_there { Ok(bytes) } else { Err(format!("{bytes:?} where {payload:?} is due")) }
    };
    wait_for(&format!("the row of {name}"), SOON, look);
    // Nothing comes to it twice.
    thread::sleep(Duration::from_millis(300));
    look().unwrap_or_else(|error| panic!("{name} did not stay: {error}"))
}

/// One exchange of a user: what is counted is what was on the wire. Whether that is within 1 % of the
/// payload, headers aside.
fn is_near_payload(
    stage: &Stage,
    agent: &Agent<'_>,
    wire: &Wire,
    user: usize,
    (name, protocol): (&str, Protocol),
) -> bool {
    let row = || agent.status().bytes(protocol.word(), name);
    let (row_before, wire_before) = (row(), wire.counts());
    stage.exchange(user, UP, DOWN);
    let counted = wait_for(&format!("all of {name}"), SOON, || {
        let (now, seen) = (row(), wire.counts());
        let of = |way: usize| seen[way].0 - wire_before[way].0;
        // The last acknowledgements are TIME_WAIT's.
        let is_there =
            |counted: u64, way| of(way) >= UP && counted.abs_diff(of(way)) <= 4 * HEADERS;
        let counted = now - row_before;
        if is_there(counted.up, 0) && is_there(counted.down, 1) {
            Ok(counted)
        } else {
            Err(format!("{counted:?} of {seen:?}"))
        }
    });
    let after = wire.counts();
    let ways = [("up", counted.up, UP, 0), ("down", counted.down, DOWN, 1)];
    ways.into_iter().fold(true, |all, (way, counted, payload, at)| {
        let (bytes, packets) = (after[at].0 - wire_before[at].0, after[at].1 - wire_before[at].1);
        let headers = HEADERS * packets;
        println!(
            "{name} {way}: {counted} counted, {bytes} on the wire, {payload} payload \
             (+{} in 10,000), {headers} of headers",
            counted.saturating_sub(payload) * 10_000 / payload
        );
        all && (counted - headers).abs_diff(payload) <= payload / 100
    })
}

#[test]
fn marks_count_within_a_hundredth_of_the_payload() {
    let stage = Stage::new(&USERS, "mark", "");
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "ip", &USERS.map(|(name, _)| name));
    let wire = Wire::new(stage.origin.port());
    for (user, of) in USERS.into_iter().enumerate() {
        // What a busy machine sends twice is on the wire, and no payload.
        let mut tries = (1..=3).map(|_| is_near_payload(&stage, &agent, &wire, user, of));
        assert!(tries.any(|is_near| is_near), "{}", of.0);
    }
    drop(wire);
    let echo = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = echo.local_addr().unwrap();
    thread::spawn(move || {
        let mut room = [0; 2000];
        while let Ok((length, from)) = echo.recv_from(&mut room) {
            let _gone = echo.send_to(&room[..length], from);
        }
    });
    for (user, (name, protocol)) in USERS.into_iter().enumerate() {
        let before = agent.status().bytes(protocol.word(), name);
        assert_eq!(stage.xray.echo(user, to, &[7; 1000]).unwrap(), [7; 1000], "{name}");
        // IPv4 and UDP headers.
        wait_for("the datagrams", SOON, || {
            let moved = agent.status().bytes(protocol.word(), name) - before;
            // And the last words of connections before.
            let is_it = |bytes| (1028..1028 + 6 * HEADERS).contains(&bytes);
            if is_it(moved.up) && is_it(moved.down) { Ok(()) } else { Err(format!("{moved:?}")) }
        });
    }
    let status = agent.status();
    assert_eq!(status.agent.degraded, Vec::<String>::new());
    let hosts = stage.home.agent(&["doctor", "--json"]);
    let doctor = Doctor::read(&hosts.stdout);
    assert_eq!(doctor.check("xray-mode").status, Outcome::Ok, "{doctor:?}");
}

#[test]
fn marks_outlive_restarts_of_either_side_and_a_change_of_the_counter() {
    let stage = Stage::new(&USERS[..2], "api", "");
    let (vm, vl) = (USERS[0], USERS[1]);
    let mut due = Bytes::default();
    let mut visit = |stage: &Stage| {
        stage.exchange(0, UP, DOWN);
        due = due + Bytes { up: UP, down: DOWN };
        due
    };
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "payload", &["vm", "vl"]);
    let now = visit(&stage);
    reaches_payload(&agent, vm, now);
    let _ = agent.terminate();
    let mut stage = stage;
    stage.home.configure(&Stage::sections(&stage.xray, "mark", ""));
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "ip", &["vm", "vl"]);
    let now = visit(&stage);
    reaches(&agent, vm, now);
    stage.xray.restart();
    wait_for("the new process", SOON, || {
        let before = agent.status().bytes("vless", "vl");
        stage.exchange(1, 1000, 1000);
        thread::sleep(Duration::from_millis(50));
        let after = agent.status().bytes("vless", "vl");
        if after.up > before.up { Ok(()) } else { Err(agent.log()) }
    });
    let now = visit(&stage);
    reaches(&agent, vm, now);
    // What moves while no agent is there.
    agent.kill9();
    let now = visit(&stage);
    let agent = Agent::start(&stage.home);
    reaches(&agent, vm, now);
    let _ = agent.terminate();
    stage.home.configure(&Stage::sections(&stage.xray, "api", ""));
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "payload", &["vm", "vl"]);
    reaches(&agent, vm, now);
    let now = visit(&stage);
    reaches(&agent, vm, now);
    let vl_bytes = agent.status().bytes(vl.1.word(), vl.0);
    assert!(vl_bytes.up < 1_000_000, "{vl_bytes:?}");
}

/// Xray's own count is the payload.
#[track_caller]
fn reaches_payload(agent: &Agent<'_>, (name, protocol): (&str, Protocol), payload: Bytes) {
    wait_for(&format!("the row of {name}"), SOON, || {
        let bytes = agent.status().bytes(protocol.word(), name);
        let is_there = bytes.up >= payload.up && bytes.down >= payload.down;
        if is_there { Ok(()) } else { Err(format!("{bytes:?}")) }
    });
}

/// Reads until nothing comes any more; how many bytes came.
fn read_to_the_end(mut stream: TcpStream) -> u64 {
    let (mut room, mut count) = (vec![0; 64 << 10], 0);
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    while let Ok(got @ 1..) = stream.read(&mut room) {
        count += got as u64;
    }
    count
}

#[test]
fn marks_cut_at_the_byte_and_only_who_is_over() {
    const LIMIT: u64 = 20 << 20;
    for action in ["block", "remove"] {
        let sections = format!("[meter]\nusage = 'both'\n[enforce]\nxray = '{action}'");
        let stage = Stage::new(&USERS, "mark", &sections);
        let agent = Agent::start(&stage.home);
        counted_by(&agent, "ip", &USERS.map(|(name, _)| name));
        let start = |user, up, down| {
            let mut stream = stage.xray.visit(user, &stage.origin).unwrap();
            ask(&mut stream, up, down).unwrap();
            stream
        };
        let other = start(3, 0, u64::MAX);
        let other = thread::spawn(move || {
            let (mut stream, mut room, mut count) = (other, vec![0; 64 << 10], 0_u64);
            while let Ok(got @ 1..) = stream.read(&mut room) {
                count += got as u64;
                thread::sleep(Duration::from_millis(1));
            }
            count
        });
        for (user, (name, protocol)) in USERS.into_iter().enumerate().take(3) {
            stage.does(&["limit", "set", name, "20MB"]);
            let victim = start(user, 0, u64::MAX);
            let came = read_to_the_end(victim);
            let status = agent.status();
            let row = status.accounts.iter().find(|row| row.name == name).unwrap();
            println!(
                "{action} {name}: {came} bytes came, {} of {LIMIT} counted, {}",
                row.total_usage, row.state
            );
            assert!(came <= LIMIT && row.total_usage <= LIMIT, "{row:?}");
            assert!(row.total_usage > LIMIT - (1 << 17), "{row:?}");
            assert_eq!(row.state, "exceeded");
            let again = stage.xray.visit(user, &stage.origin).and_then(|stream| {
                stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                exchange(stream, 10, 1000)
            });
            assert!(again.is_err() || again.is_ok_and(|back| back == 0), "{name}");
            let after = agent.status();
            let row = after.accounts.iter().find(|row| row.name == name).unwrap();
            assert!(row.total_usage <= LIMIT, "{row:?}");
            assert!(!other.is_finished(), "another user's connection has ended");
            stage.does(&["limit", "set", name, "0"]);
            wait_for(&format!("{name} to be back"), SOON, || {
                let stream = stage.xray.visit(user, &stage.origin);
                match stream.and_then(|stream| exchange(stream, 10, 1000)) {
                    Ok(1000) => Ok(()),
                    other => Err(format!("{protocol:?} {other:?} {}", agent.log())),
                }
            });
        }
        assert!(!other.is_finished(), "another user's connection has ended");
    }
}

/// A user's client says a hello to the origin.
fn say(stage: &Stage, user: usize, name: &str) {
    let mut stream = stage.xray.visit(user, &stage.origin).unwrap();
    stream.write_all(&hello::records(&hello::message(name), 4000)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let _ended = stream.read(&mut [0]);
}

#[test]
fn marks_tell_whose_hosts_they_are_and_the_log_repeats_none() {
    let stage = Stage::new(&USERS[..2], "mark", "");
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "ip", &["vm", "vl"]);
    let rows = |user: &str| {
        let list = stage.home.agent(&["hosts", "list", "--json", "--user", user]);
        let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
        list["hosts"].as_array().unwrap().clone()
    };
    let is = |row: &serde_json::Value, host: &str, kind: &str| {
        row["host"] == host && row["kind"] == kind
    };
    // What the client has asked for and what its socket says: once, and as the socket says it.
    say(&stage, 1, ORIGIN);
    say(&stage, 1, ORIGIN);
    // In the log's order behind them.
    stage.exchange(0, 10, 10);
    wait_for("the log's host", SOON, || {
        let rows = rows("vm");
        if rows.iter().any(|row| is(row, ORIGIN, "access-log")) {
            Ok(())
        } else {
            Err(format!("{rows:?}"))
        }
    });
    let seen = rows("vl");
    let row = seen.iter().find(|row| is(row, ORIGIN, "sni")).unwrap_or_else(|| panic!("{seen:?}"));
    assert_eq!((row["service"].as_str(), row["count"].as_u64()), (Some("VLESS"), Some(2)), "{row}");
    assert!(!seen.iter().any(|row| row["kind"] == "access-log"), "{seen:?}");
    say(&stage, 0, "other.example");
    wait_for("the other user's host", SOON, || {
        let rows = rows("vm");
        let is_there = rows.iter().any(|row| is(row, "other.example", "sni"));
        if is_there { Ok(()) } else { Err(format!("{rows:?}")) }
    });
}

const DATAGRAMS: u32 = 100;
const PAYLOAD: usize = 1000;
/// The first that a snippet gives.
const MARK: u32 = 0x7670_0001;

/// A user that is root in namespaces of its own sends itself datagrams with a mark.
fn send_marked(user: &TestUser, mark: u32) -> io::Result<()> {
    let dir = TempDir::with_prefix("vpnmon-mark-")?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    let until = dir.path().join("go");
    let send = Role::ManyUids { first: 0, count: DATAGRAMS, payload: PAYLOAD, mark };
    let role = Role::Container { inside: 0, until: until.clone(), then: Box::new(send) };
    let mut process = Order::new(Place::of(user), role).start();
    assert_eq!(process.line(SOON), "inside");
    let _loopback_is_up = Namespace::of_process("mark", process.id());
    fs::write(until, "")?;
    process.success(Duration::from_mins(1));
    Ok(())
}

#[test]
fn marks_of_others_bill_nobody() {
    let stage = Stage::new(&USERS[1..2], "mark", "");
    let user = TestUser::new("marker");
    let agent = Agent::start(&stage.home);
    counted_by(&agent, "ip", &["vl"]);
    wait_for("the mark that is in force", SOON, || {
        let text = fs::read_to_string(stage.home.state_dir().join("ledger.json"));
        let text = text.unwrap_or_default();
        if text.contains(&format!("\"fwmark\":{MARK}")) { Ok(()) } else { Err(text) }
    });
    send_marked(&user, MARK).unwrap();
    let each = u64::from(DATAGRAMS) * (PAYLOAD as u64 + 28);
    agent.reaches(&user.name, Bytes { up: each, down: each });
    // Root may set marks anywhere, and is not Xray either.
    let send = Role::ManyUids { first: user.uid, count: 1, payload: PAYLOAD, mark: MARK };
    Order::new(Place::default(), send).start().success(Duration::from_mins(1));
    assert_eq!(agent.status().bytes("vless", "vl"), Bytes::default());
    stage.exchange(0, 1000, 1000);
    wait_for("the real one", SOON, || {
        let bytes = agent.status().bytes("vless", "vl");
        if bytes.up > 1000 && bytes.up < 10_000 { Ok(()) } else { Err(format!("{bytes:?}")) }
    });
}
