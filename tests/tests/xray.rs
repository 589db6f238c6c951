//! Users of a real v2ray (or Xray): counted by payload, cut off one by one.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Read as _,
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use vpnmon_tests::{
    agent::Agent,
    home::Home,
    machine::Machine,
    status::Bytes,
    wait::{SOON, wait_for},
    xray::{ORIGIN, Origin, Protocol, Xray, XrayUser, ask, exchange, vless},
};

const UP: u64 = 3_000_000;
const DOWN: u64 = 20_000_000;

/// Within 1 kB and 0.1 %.
fn is_near(counted: u64, payload: u64) -> bool {
    counted.abs_diff(payload) <= 1000 + payload / 1000
}

/// Waits for the row of a user; it must stand still there.
#[track_caller]
fn reaches(agent: &Agent<'_>, service: &str, name: &str, payload: Bytes) -> Bytes {
    let look = || {
        let bytes = agent.status().bytes(service, name);
        let is_there = is_near(bytes.up, payload.up) && is_near(bytes.down, payload.down);
        if is_there { Ok(bytes) } else { Err(format!("{bytes:?} where {payload:?} is due")) }
    };
    wait_for(&format!("the row of {name}"), SOON, look);
    look().unwrap_or_else(|error| panic!("{name} did not stay: {error}"))
}

fn known(agent: &Agent<'_>, names: &[&str]) {
    wait_for("the users", SOON, || {
        let status = agent.status();
        let is_there = |name: &&str| status.accounts.iter().any(|row| row.name == **name);
        if names.iter().all(is_there) { Ok(()) } else { Err(agent.log()) }
    });
}

fn done(home: &Home, arguments: &[&str]) {
    let ended = home.agent(arguments);
    assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
}

#[test]
fn xray_four_protocols_are_counted_by_payload() {
    let _machine = Machine::take();
    let users = [
        ("vm>>>x@example.org", Protocol::Vmess),
        ("vl", Protocol::Vless),
        ("tr", Protocol::Trojan),
        ("ss", Protocol::Shadowsocks),
    ];
    let mut xray = Xray::start(&users);
    xray.start_client();
    let (home, origin) = (Home::new(&xray.section()), Origin::start());
    let agent = Agent::start(&home);
    known(&agent, &users.map(|(email, _)| email));
    let before = agent.status().bytes("system", "transport");
    for (index, (email, protocol)) in users.into_iter().enumerate() {
        let stream = xray.visit(index, &origin).unwrap_or_else(|e| panic!("{email}: {e}"));
        let back = exchange(stream, UP, DOWN).unwrap_or_else(|e| panic!("{email}: {e}"));
        assert_eq!(back, DOWN, "{email}");
        let counted = reaches(&agent, protocol.word(), email, Bytes { up: UP, down: DOWN });
        println!("{email}: up {} of {UP}, down {} of {DOWN}", counted.up, counted.down);
    }
    let status = agent.status();
    let row = status.accounts.iter().find(|row| row.name == "vl").unwrap();
    assert_eq!((row.unit.as_str(), row.uid, row.state.as_str()), ("payload", None, "ok"));
    // Both legs of all of them, which are nobody's.
    let carried = status.bytes("system", "transport") - before;
    assert!(carried.up > 4 * (DOWN + UP), "{carried:?}");
    assert!(carried.down > 4 * (DOWN + UP), "{carried:?}");
    let hosts = home.agent(&["hosts", "list", "--json", "--user", "vl"]);
    assert!(hosts.stdout.contains(ORIGIN) && hosts.stdout.contains("access-log"), "{hosts:?}");
    wait_for("the usage file", SOON, || {
        let name = "vm%3E%3E%3Ex@example.org";
        if !home.state_dir().join(format!("usage/{name}.json")).exists() {
            return Err("none".to_owned());
        }
        let file = home.usage(name);
        if is_near(file.uplink, UP) { Ok(()) } else { Err(format!("{file:?}")) }
    });
}

#[test]
fn xray_restarts_and_stops_of_either_side_lose_and_double_nothing() {
    let _machine = Machine::take();
    let mut xray = Xray::start(&[("bob", Protocol::Vless), ("al", Protocol::Vmess)]);
    let (home, origin) = (Home::new(&xray.section()), Origin::start());
    let agent = Agent::start(&home);
    known(&agent, &["bob"]);
    let (mut due, step) = (Bytes::default(), Bytes { up: UP, down: DOWN });
    let visit = |xray: &Xray| {
        let stream = xray.vless(0, &origin).unwrap_or_else(|e| panic!("{e}"));
        exchange(stream, UP, DOWN).unwrap_or_else(|e| panic!("{e}"));
    };
    visit(&xray);
    due = due + step;
    reaches(&agent, "vless", "bob", due);
    xray.restart();
    visit(&xray);
    due = due + step;
    reaches(&agent, "vless", "bob", due);
    // The API stands still, and so does what is known.
    xray.process().signal(Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(2));
    let row = agent.status();
    assert_eq!(row.bytes("vless", "bob"), reaches(&agent, "vless", "bob", due));
    xray.process().signal(Signal::SIGCONT);
    visit(&xray);
    due = due + step;
    reaches(&agent, "vless", "bob", due);
    // What moves while no agent is there.
    wait_for("the usage file", SOON, || {
        let file = home.usage("bob");
        if is_near(file.uplink, due.up) { Ok(()) } else { Err(format!("{file:?}")) }
    });
    agent.kill9();
    visit(&xray);
    due = due + step;
    let agent = Agent::start(&home);
    reaches(&agent, "vless", "bob", due);
    done(&home, &["reset", "bob"]);
    reaches(&agent, "vless", "bob", Bytes::default());
}

/// Reads until nothing comes any more, for a client may take its time to close; when the last byte
/// came, and how many.
fn read_to_the_end(mut stream: TcpStream) -> (Instant, u64) {
    let (mut room, mut count, mut last) = (vec![0; 64 << 10], 0, Instant::now());
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    while let Ok(got @ 1..) = stream.read(&mut room) {
        count += got as u64;
        last = Instant::now();
        // As fast as a user's line, so that the limit is met in the middle.
        thread::sleep(Duration::from_millis(1));
    }
    (last, count)
}

/// Whether a visit is answered.
fn is_let_in(xray: &Xray, user: usize, origin: &Origin) -> bool {
    xray.visit(user, origin).and_then(|stream| exchange(stream, 10, 1000)).is_ok_and(|n| n == 1000)
}

#[test]
fn xray_who_is_over_the_limit_is_cut_off_alone_and_comes_back() {
    let _machine = Machine::take();
    let users = [
        ("bob", Protocol::Vless),
        ("al", Protocol::Vless),
        ("ss", Protocol::Shadowsocks),
        ("tr", Protocol::Trojan),
        ("vm", Protocol::Vmess),
    ];
    let mut xray = Xray::start(&users);
    xray.start_client();
    let sections = format!("[meter]\nusage = 'both'\n{}", xray.section());
    let (home, origin) = (Home::new(&sections), Origin::start());
    let agent = Agent::start(&home);
    known(&agent, &users.map(|(email, _)| email));
    let visit = |user| {
        let mut stream = xray.visit(user, &origin).unwrap_or_else(|e| panic!("{e}"));
        ask(&mut stream, 0, u64::MAX).unwrap_or_else(|e| panic!("{e}"));
        stream
    };
    let other = visit(1);
    let other = thread::spawn(move || read_to_the_end(other));
    let (server, began, uptime) = (xray.process().id(), Instant::now(), xray.uptime());
    for (user, name) in [(0, "bob"), (2, "ss"), (3, "tr"), (4, "vm")] {
        assert!(is_let_in(&xray, user, &origin), "{name}");
        done(&home, &["limit", "set", name, "20MB"]);
        let victim = visit(user);
        let victim = thread::spawn(move || read_to_the_end(victim));
        let over = wait_for(&format!("{name} to be over the limit"), SOON, || {
            let status = agent.status();
            let row = status.accounts.iter().find(|row| row.name == name);
            let is_over = row.is_some_and(|row| row.total_usage >= 20 << 20);
            if is_over { Ok(Instant::now()) } else { Err(format!("{row:?}")) }
        });
        let (cut, bytes) = victim.join().unwrap();
        let took = cut.saturating_duration_since(over);
        println!("{name}: cut {took:?} after the limit was seen, {bytes} bytes had come");
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
        assert!(!is_let_in(&xray, user, &origin), "{name} is let in");
        assert!(!other.is_finished(), "another user's connection has ended");
        assert!(is_let_in(&xray, 1, &origin));
    }
    let kept = home.state_dir().join("xray-kept.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    for (user, name) in [(0, "bob"), (2, "ss"), (3, "tr"), (4, "vm")] {
        done(&home, &["limit", "set", name, "0"]);
        wait_for(&format!("{name} to be back"), SOON, || {
            if is_let_in(&xray, user, &origin) { Ok(()) } else { Err(agent.log()) }
        });
    }
    assert!(!other.is_finished(), "another user's connection has ended");
    // Nobody has restarted the server for it.
    assert_eq!(xray.process().id(), server);
    assert!(xray.uptime() + Duration::from_millis(20) >= uptime + began.elapsed());
    for event in ["exceeded", "blocked", "unblocked"] {
        wait_for("the events", SOON, || {
            let events = fs::read_to_string(home.state_dir().join("events.jsonl")).unwrap();
            let count = events.matches(&format!("\"event\":\"{event}\"")).count();
            if count == 4 { Ok(()) } else { Err(format!("{count} {event}: {events}")) }
        });
    }
}

#[test]
fn xray_disabling_cuts_and_enabling_brings_back() {
    let _machine = Machine::take();
    let users = [("bob", Protocol::Vless), ("al", Protocol::Vless)];
    let mut xray = Xray::start(&users);
    xray.start_client();
    let (home, origin) = (Home::new(&xray.section()), Origin::start());
    let agent = Agent::start(&home);
    known(&agent, &["bob", "al"]);
    let [victim, other] = [0, 1].map(|user| {
        let mut stream = xray.visit(user, &origin).unwrap_or_else(|e| panic!("{e}"));
        ask(&mut stream, 0, u64::MAX).unwrap_or_else(|e| panic!("{e}"));
        thread::spawn(move || read_to_the_end(stream))
    });
    // What flows is to be cut, and not what is about to.
    wait_for("the transfer", SOON, || {
        let down = agent.status().bytes("vless", "bob").down;
        if down > 1 << 20 { Ok(()) } else { Err(format!("{down} bytes")) }
    });
    let (began, uptime) = (Instant::now(), xray.uptime());
    done(&home, &["disable", "bob"]);
    let answered = Instant::now();
    let (cut, bytes) = victim.join().unwrap();
    let took = cut.saturating_duration_since(answered);
    println!("cut {took:?} after `disable` had answered, {bytes} bytes had come");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!is_let_in(&xray, 0, &origin), "bob is let in");
    let state = |wanted: &str| {
        wait_for(&format!("bob to be {wanted}"), SOON, || {
            let status = agent.status();
            let row = status.accounts.into_iter().find(|row| row.name == "bob");
            if row.as_ref().is_some_and(|row| row.state == wanted) {
                Ok(())
            } else {
                Err(format!("{row:?}"))
            }
        });
    };
    state("disabled");
    // Neither a reset nor a limit is a way around it.
    done(&home, &["reset", "bob"]);
    done(&home, &["limit", "set", "bob", "1GB"]);
    state("disabled");
    assert!(!is_let_in(&xray, 0, &origin), "bob is let in");
    done(&home, &["enable", "bob"]);
    wait_for("bob to be back", SOON, || {
        if is_let_in(&xray, 0, &origin) { Ok(()) } else { Err(agent.log()) }
    });
    state("ok");
    assert!(!other.is_finished(), "another user's connection has ended");
    assert!(xray.uptime() + Duration::from_millis(20) >= uptime + began.elapsed());
}

#[test]
fn xray_who_is_out_stays_out_after_restarts() {
    let _machine = Machine::take();
    let mut xray = Xray::start(&[("bob", Protocol::Vless), ("al", Protocol::Vless)]);
    let (home, origin) = (Home::new(&xray.section()), Origin::start());
    let agent = Agent::start(&home);
    known(&agent, &["bob", "al"]);
    let visit = |xray: &Xray, user, up| {
        let stream = xray.vless(user, &origin).unwrap_or_else(|e| panic!("{e}"));
        exchange(stream, up, 1000).is_ok_and(|back| back == 1000)
    };
    assert!(visit(&xray, 0, UP));
    done(&home, &["limit", "set", "bob", "1MB"]);
    let is_out = |xray: &Xray| {
        wait_for("bob to be out", SOON, || {
            if visit(xray, 0, 10) { Err(String::new()) } else { Ok(()) }
        });
    };
    is_out(&xray);
    xray.restart();
    is_out(&xray);
    assert!(visit(&xray, 1, 10));
    // Another agent keeps the user out, and can still bring it back.
    agent.kill9();
    xray.restart();
    let agent = Agent::start(&home);
    is_out(&xray);
    done(&home, &["reset", "bob"]);
    wait_for(
        "bob to be back",
        SOON,
        || if visit(&xray, 0, 10) { Ok(()) } else { Err(agent.log()) },
    );
}

/// Clock ticks that a process, or a thread of it, has worked.
fn worked(stat: &str) -> Duration {
    let text = fs::read_to_string(stat).unwrap_or_else(|e| panic!("{stat}: {e}"));
    let (_, rest) = text.rsplit_once(") ").unwrap();
    let fields: Vec<_> = rest.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn xray_five_thousand_users_cost_a_twentieth_of_a_core() {
    const COUNT: usize = 5000;
    const VISITORS: usize = 16;
    const WATCHED: Duration = Duration::from_secs(10);
    let _machine = Machine::take();
    let user = |n| XrayUser { email: format!("user{n:04}@example.org"), protocol: Protocol::Vless };
    let xray = Xray::of((0..COUNT).map(user).collect());
    let origin = Origin::start();
    // A counter is there from the first visit on.
    let at = xray.inbound(Protocol::Vless);
    thread::scope(|scope| {
        for first in 0..VISITORS {
            let origin = &origin;
            scope.spawn(move || {
                for user in (first..COUNT).step_by(VISITORS) {
                    let stream = vless(at, user, origin).unwrap_or_else(|e| panic!("{user}: {e}"));
                    exchange(stream, 10, 10).unwrap_or_else(|e| panic!("{user}: {e}"));
                }
            });
        }
    });
    let home = Home::new(&xray.section());
    let agent = Agent::start(&home);
    known(&agent, &["user4999@example.org"]);
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.id())).unwrap();
    let stats = tasks.map(|task| task.unwrap().path().display().to_string());
    let is_ours =
        |task: &String| fs::read_to_string(format!("{task}/comm")).unwrap().trim() == "xray";
    let task = stats.into_iter().find(is_ours).unwrap();
    let files = [format!("{task}/stat"), format!("/proc/{}/stat", xray.process().id())];
    // Its start is over: the first answers and the first snapshot.
    thread::sleep(Duration::from_secs(2));
    let (before, started) = (files.each_ref().map(|it| worked(it)), Instant::now());
    let requests = xray.vless(7, &origin).and_then(|stream| exchange(stream, 10, 1_000_000));
    assert_eq!(requests.ok(), Some(1_000_000));
    thread::sleep(WATCHED);
    let after = files.each_ref().map(|it| worked(it));
    let share = |n: usize| {
        100.0 * after[n].saturating_sub(before[n]).as_secs_f64() / started.elapsed().as_secs_f64()
    };
    println!(
        "{COUNT} users: the agent's thread {:.1} %, Xray {:.1} % of a core",
        share(0),
        share(1)
    );
    reaches(&agent, "vless", "user0007@example.org", Bytes { up: 0, down: 1_000_000 });
    // What v2ray works for the answers is its own, and the machine's noise is in it.
    assert!(share(0) <= 5.0 && share(1) <= 10.0, "{:.1} + {:.1}", share(0), share(1));
}
