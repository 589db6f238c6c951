//! The history and its reports: real bytes, kills, days that pass, and the page in a real browser.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    browser::{Browser, Look, Page},
    disk::SmallDisk,
    hello,
    home::Home,
    link::Link,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::{Process, run},
    status::Bytes,
    user::TestUser,
    visit::{say, server},
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);
const PORTS: [u16; 3] = [4001, 4002, 4003];
const FAST: &str = "[meter]\npersist_interval = \"100ms\"";
/// What a page must show and must not run.
const HOSTILE: &str = "<img src=x onerror=\"document.title='run'\">&amp;\u{202e}";

fn json(home: &Home, args: &[&str]) -> Value {
    let ended = home.agent(&[&["report", "--json"], args].concat());
    assert_eq!(ended.code, 0, "report {args:?}: {}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("report --json")
}

fn bytes(report: &Value) -> Bytes {
    let number = |key: &str| report[key].as_u64().expect(key);
    Bytes { up: number("uplink"), down: number("downlink") }
}

/// Some bytes of a user each way, the other end being root's; what the wire has carried for this port
/// after them.
fn move_bytes(link: &Link, (user, port): (&TestUser, u16), up: u64) -> Bytes {
    let exchange = Exchange {
        send: up,
        receive: Some(3 * up),
        write: 50_000,
        closes_first: false,
        progress: None,
    };
    let to = SocketAddr::new(Link::far_address(false), port);
    let serve = Role::TcpListen { at: to, exchange: exchange.mirrored(), connections: 1 };
    let (far, _) = Order::new(Place::default().netns(&link.far.name), serve).listen();
    let connect = Role::TcpConnect { to, exchange, retry: false };
    let near = Order::new(Place::of(user).netns(&link.near.name), connect).start();
    near.success(MINUTE);
    far.success(MINUTE);
    let (up, down) = link.flow(port);
    Bytes { up: up.bytes, down: down.bytes }
}

/// The agent's file has it: what is moved from now on is booked by itself.
fn is_booked(home: &Home, name: &str, expected: Bytes) {
    wait_for("the usage file", SOON, || {
        let path = home.state_dir().join("usage").join(format!("{name}.json"));
        let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
        let file: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        equal(file["uplink"].as_u64(), &Some(expected.up))
    });
}

#[test]
fn sums_survive_kills_resets_and_the_agent() {
    let _machine = Machine::take();
    let alice = TestUser::new("alice");
    let link = Link::new(1500, &PORTS);
    let home = Home::new(FAST);
    let who = alice.name.as_str();
    let move_some = |up| move_bytes(&link, (&alice, PORTS[0]), up);

    let agent = Agent::start(&home);
    let truth = move_some(500_000);
    agent.reaches(who, truth);
    assert_eq!(bytes(&json(&home, &[who])), truth, "what a minute has not written yet");
    agent.kill9();
    // The kernel goes on; the next agent books it.
    let truth = move_some(700_000);
    let agent = Agent::start(&home);
    agent.reaches(who, truth);
    assert_eq!(bytes(&json(&home, &[who])), truth, "after SIGKILL");
    is_booked(&home, who, truth);
    agent.kill9();
    let agent = Agent::start(&home);
    agent.reaches(who, truth);
    assert_eq!(bytes(&json(&home, &[who])), truth, "after a second SIGKILL");

    let ended = home.agent(&["reset", who]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(agent.status().bytes("ssh", who), Bytes::default());
    let truth = move_some(300_000);
    assert_eq!(bytes(&json(&home, &[&format!("ssh:{who}")])), truth, "a reset leaves it alone");
    let _ = agent.terminate();

    // Nobody runs; the file is read, and what the kernel has counted since the stop.
    let truth = move_some(200_000);
    let report = json(&home, &[who, "--by", "hour"]);
    assert_eq!(bytes(&report), truth, "without an agent");
    let hours: Vec<_> = report["periods"].as_array().into_iter().flatten().map(bytes).collect();
    assert_eq!(hours.into_iter().sum::<Bytes>(), truth);
    let csv = home.agent(&["report", who, "--csv", "--by", "month"]).stdout;
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "period,service,account,unit,uplink,downlink");
    let month = report["until"].as_str().expect("a date")[..7].to_owned();
    assert_eq!(
        lines[1..],
        [format!("{month},ssh,{who},ip,{},{}", truth.up, truth.down), String::new()]
    );
    let ended = home.agent(&["report", "nobody-of-that-name"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""), "{}", ended.stderr);
    let ended = home.agent(&["report", "--since", "soon"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

/// A damaged file costs what is in it, and nothing else.
#[test]
fn a_damaged_history_does_not_hold_up_the_agent() {
    let _machine = Machine::take();
    let alice = TestUser::new("alice");
    let link = Link::new(1500, &PORTS);
    let home = Home::new(FAST);
    let agent = Agent::start(&home);
    let before = move_bytes(&link, (&alice, PORTS[0]), 100_000);
    agent.reaches(&alice.name, before);
    let _ = agent.terminate();
    fs::write(home.state_dir().join("history.redb"), "no store").expect("the file");
    let agent = Agent::start(&home);
    let truth = move_bytes(&link, (&alice, PORTS[0]), 100_000);
    agent.reaches(&alice.name, truth);
    assert_eq!(bytes(&json(&home, &[&alice.name])), truth - before);
    wait_for("the event", SOON, || {
        let events = fs::read_to_string(home.state_dir().join("events.jsonl")).unwrap_or_default();
        let told = events.lines().any(|line| line.contains("bad-file") && line.contains("history"));
        if told { Ok(()) } else { Err(events) }
    });
    let aside = fs::read_dir(home.state_dir()).expect("the state directory").flatten();
    assert!(aside.into_iter().any(|it| it.file_name().to_string_lossy().contains("redb.bad-")));
}

#[test]
fn a_full_disk_takes_nothing_from_the_history() {
    let _machine = Machine::take();
    let alice = TestUser::new("alice");
    let link = Link::new(1500, &PORTS);
    let home = Home::new(FAST);
    let disk = SmallDisk::mount(&home.state_dir(), 4096);
    let dir = tempfile::TempDir::new().expect("a directory");
    let who = alice.name.as_str();
    let move_some = || move_bytes(&link, (&alice, PORTS[0]), 200_000);
    let is_degraded = |moved: &Moved<'_>, expected| {
        wait_for("the state of the history", SOON, || {
            let degraded = moved.agent.status().agent.degraded;
            equal(degraded.iter().any(|it| it.contains("history.redb")), &expected)
        });
    };

    // What an hour has moved is written when it is over.
    let moved = Moved::start(&home, dir.path(), 5);
    disk.fill();
    for hour in [4, 3] {
        moved.agent.reaches(who, move_some());
        moved.is_hours_ago(hour);
    }
    let truth = move_some();
    moved.agent.reaches(who, truth);
    is_degraded(&moved, true);
    assert_eq!(bytes(&json(&home, &[who])), truth, "while the disk is full");
    disk.clear();
    moved.is_hours_ago(2);
    is_degraded(&moved, false);
    is_booked(&home, who, move_some());

    // Full again, and killed: the ledger and the kernel have what the file has not.
    disk.fill();
    moved.is_hours_ago(1);
    let truth = move_some();
    moved.agent.reaches(who, truth);
    is_degraded(&moved, true);
    moved.agent.kill9();
    disk.clear();
    let moved = Moved::start(&home, dir.path(), 0);
    moved.agent.reaches(who, truth);
    assert_eq!(bytes(&json(&home, &[who])), truth, "after a kill");
    let _ = moved.agent.terminate();
    let report = json(&home, &[who, "--by", "hour"]);
    assert_eq!(bytes(&report), truth, "after a stop");
    let hours = report["periods"].as_array().into_iter().flatten();
    // What was moved while the disk was full is booked in an hour that it was full in.
    assert!(hours.filter(|hour| bytes(hour).up > 0).count() >= 3, "{report}");
}

/// An agent whose clock the test moves.
struct Moved<'a> {
    agent: Agent<'a>,
    clock: PathBuf,
}

impl<'a> Moved<'a> {
    fn start(home: &'a Home, dir: &Path, hours_ago: u32) -> Self {
        let preload = fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
        let preload = preload.map(|it| it.path().join("faketime/libfaketimeMT.so.1"));
        let preload = preload.into_iter().find(|path| path.exists()).expect("Debian's faketime");
        let clock = dir.join("clock");
        set(&clock, hours_ago);
        let command = home.command(&["run", "-v"]);
        let mut command_line = Command::new(&command[0]);
        command_line
            .args(&command[1..])
            .env("LD_PRELOAD", preload)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let process = Process::start("vpnmon-agent", &mut command_line);
        Self { agent: Agent::ready(home, process), clock }
    }

    fn is_hours_ago(&self, hours: u32) {
        set(&self.clock, hours);
    }
}

fn set(clock: &Path, hours_ago: u32) {
    let fresh = clock.with_extension("new");
    fs::write(&fresh, format!("-{hours_ago}h\n")).expect("the clock");
    fs::rename(fresh, clock).expect("the clock");
}

/// An account of that name that has moved what `user` has, as if nobody had written its history.
fn with_a_hostile_name(home: &Home, user: &TestUser) {
    let path = home.state_dir().join("ledger.json");
    let mut ledger: Value =
        serde_json::from_slice(&fs::read(&path).expect("ledger")).expect("ledger");
    let accounts = ledger["accounts"].as_array_mut().expect("accounts");
    let mut account = accounts.iter().find(|it| it["name"] == user.name).expect("a user").clone();
    account["service"] = "vless".into();
    account["name"] = HOSTILE.into();
    account["uid"] = Value::Null;
    // That no other account has.
    account["recorded"]["number"] = 1_000_000.into();
    accounts.push(account);
    fs::write(&path, ledger.to_string()).expect("ledger");
}

#[test]
fn a_page_for_every_eye() {
    let _machine = Machine::take();
    let users = ["alice", "bob", "carol"].map(TestUser::new);
    let link = Link::new(1500, &PORTS);
    let home = Home::new(FAST);
    let dir = tempfile::TempDir::new().expect("a directory");
    let moved = Moved::start(&home, dir.path(), 24 * 13);
    let to = server(Ipv4Addr::LOCALHOST.into());
    let mut day_sums = 0;
    for day in (0..14_u32).rev() {
        // Busier in the middle, each user at hours of its own.
        let busy = u64::from(7 - day.abs_diff(6).min(6));
        for (at, user) in users.iter().enumerate() {
            let part = u32::try_from(at).unwrap_or_default();
            moved.is_hours_ago(day * 24 + part * 5 + (if day == 0 { 0 } else { day % 3 }));
            let up = 20_000 * busy * (3 - u64::from(part)) + 10_000 * u64::from(day % 4);
            let truth = move_bytes(&link, (user, PORTS[at]), up);
            is_booked(&home, &user.name, truth);
            day_sums += 1;
        }
        let name = ["video", "news", "mail"][day as usize % 3];
        say(to, &hello::records(&hello::message(&format!("{name}.example")), 16_000), 1000);
    }
    assert_eq!(day_sums, 42);
    let status = moved.agent.status();
    let rows = status.accounts.iter().filter(|row| row.service == "ssh");
    let truth: Bytes = rows.map(|row| Bytes { up: row.uplink, down: row.downlink }).sum();
    let report = json(&home, &["--service", "ssh"]);
    assert_eq!(bytes(&report), truth);
    let days = report["periods"].as_array().map(Vec::len).unwrap_or_default();
    assert!((13..=15).contains(&days), "{days} days in {report}");
    let hours = report["hours"].as_array().into_iter().flatten();
    assert!(hours.filter(|hour| bytes(hour).up > 0).count() >= 3, "{report}");
    if let Some(picture) = std::env::var_os("VPNMON_REPORT_PICTURE") {
        let page = page(&home, dir.path());
        let mut browser = Browser::start();
        let drawn = browser.open(&page, Look { width: 1000, is_dark: false }).picture();
        fs::write(dir.path().join("picture"), drawn).expect("a picture");
        let decode = format!("base64 -d {}/picture > \"$0\"", dir.path().display());
        run("sh", &["-c", &decode, &picture.to_string_lossy()]);
    }
    let _ = moved.agent.terminate();

    with_a_hostile_name(&home, &users[0]);
    let page = page(&home, dir.path());
    let mut browser = Browser::start();
    let mut pictures = Vec::new();
    for (width, is_dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
        let mut page = browser.open(&page, Look { width, is_dark });
        is_sound(&mut page, &users);
        fits(&mut page, width);
        let paper = page.value("getComputedStyle(document.body).backgroundColor");
        assert_eq!(is_dark_color(paper.as_str().unwrap_or_default()), is_dark, "{paper}");
        pictures.push(page.picture());
        assert_eq!(page.complaints(), &[] as &[String]);
    }
    assert!(pictures.iter().all(|it| it.starts_with("iVBORw0KGgo")), "no PNG");
    pictures.sort_unstable();
    pictures.dedup();
    assert_eq!(pictures.len(), 4, "light and dark, wide and narrow look alike");
}

fn page(home: &Home, dir: &Path) -> PathBuf {
    let page = dir.join("report.html");
    let ended = home.agent(&["report", "--html", "--output", &page.to_string_lossy()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    page
}

fn is_dark_color(rgb: &str) -> bool {
    let digits = rgb.split(|it: char| !it.is_ascii_digit());
    let parts: Vec<u32> = digits.filter_map(|part| part.parse().ok()).collect();
    assert!(parts.len() >= 3, "{rgb}");
    parts.iter().take(3).sum::<u32>() < 3 * 128
}

/// What is there is shown, and what is only text stays text.
fn is_sound(page: &mut Page<'_>, users: &[TestUser]) {
    let text = page.value("document.body.innerText");
    let text = text.as_str().unwrap_or_default();
    let hostile = HOSTILE.replace('\u{202e}', "\\u{202e}");
    let names = users.iter().map(|user| user.name.as_str()).chain(["video.example", &hostile]);
    for name in names {
        assert!(text.contains(name), "no {name} in:\n{text}");
    }
    assert_eq!(page.value("document.images.length"), 0);
    assert_eq!(page.value("document.scripts.length"), 0);
    let title = page.value("document.title");
    assert!(title.as_str().is_some_and(|it| it.starts_with("Usage of all accounts")), "{title}");
    let loaded = page.value("performance.getEntriesByType('resource').map(it => it.name)");
    assert_eq!(loaded, Value::Array(Vec::new()), "the page loads something");
    // Every bar is to be seen, and none is higher than its plot.
    let bars = page.value(
        "[...document.querySelectorAll('.bars')].map(plot => { \
         const top = plot.getBoundingClientRect(); \
         const bars = [...plot.querySelectorAll('rect')].map(it => it.getBoundingClientRect()); \
         return [bars.length, bars.every(it => it.height > 0.3 && it.width > 0.3 \
         && it.top >= top.top - 1 && it.bottom <= top.bottom + 1)]; })",
    );
    let plots = bars.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(plots.len(), 2, "{bars}");
    for plot in plots {
        assert!(plot[0].as_u64() >= Some(6) && plot[1] == true, "{bars}");
    }
    // Those who see nothing are told as much.
    let told = page.value(
        "[...document.querySelectorAll('svg[role=img]')].every(it => \
         it.getAttribute('aria-labelledby').split(' ').every(id => \
         document.getElementById(id).textContent.length > 10)) \
         && document.querySelectorAll('details table').length === 2",
    );
    assert_eq!(told, true);
}

/// Nothing is wider than the window, or cut off at its side.
fn fits(page: &mut Page<'_>, width: u32) {
    let wide = page.value("document.documentElement.scrollWidth");
    assert!(wide.as_u64() <= Some(width.into()), "{wide} wide in {width}");
    let out = page.value(
        "[...document.querySelectorAll('main *')].filter(it => !it.closest('svg, details')) \
         .filter(it => { const box = it.getBoundingClientRect(); \
         return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5); }) \
         .map(it => it.outerHTML.slice(0, 80))",
    );
    assert_eq!(out, Value::Array(Vec::new()), "beyond the window of {width}");
}
