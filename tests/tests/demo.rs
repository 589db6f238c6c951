//! The demo shows what it promises, and leaves nothing on the machine.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use nix::sys::signal::Signal;
use vpnmon_tests::{
    machine::{Machine, artifact, cgroup2},
    process::Process,
    wait::{SOON, wait_for},
};

/// Longer than it takes until somebody is over the limit.
const SECONDS: &str = "25";
/// Account, service, state in the end, and a host that it visits, unless that is its server's to visit.
const USERS: [(&str, &str, &str, &str); 8] = [
    ("alice", "ssh", "ok", "news.example.com"),
    ("bob", "ssh", "ok", "video.example.net"),
    ("carol", "ssh", "warning", "mail.example.org"),
    ("dave", "ssh", "exceeded", "backup.example.net"),
    ("erin", "vmess", "ok", "mirror.example.org"),
    ("frank", "vless", "ok", "music.example.com"),
    ("grace", "trojan", "ok", "meet.example.com"),
    ("heidi", "shadowsocks", "ok", "game.example.net"),
];

fn demo(args: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpnmon-demo"));
    command.args(args).env("TMPDIR", "/run");
    command.env("VPNMON_AGENT", artifact("VPNMON_AGENT", "target/release/vpnmon-agent"));
    Process::start("vpnmon-demo", &mut command)
}

/// All that a demo could leave: what there is on the machine, each with its kind.
fn traces() -> BTreeSet<String> {
    let names = |dir: &Path| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect()
    };
    let mut traces = BTreeSet::new();
    for dir in ["/run/netns", "/sys/fs/bpf", "/sys/class/net", "/run", "/etc"] {
        traces.extend(names(Path::new(dir)));
    }
    traces.extend(names(&cgroup2()).into_iter().filter(|path| Path::new(path).is_dir()));
    for file in ["/etc/passwd", "/etc/shadow", "/etc/group", "/proc/self/mountinfo"] {
        traces.insert(format!("{file} {}", fs::read_to_string(file).unwrap_or_default()));
    }
    let processes = names(Path::new("/proc")).into_iter();
    let networks = processes.filter_map(|dir| fs::read_link(format!("{dir}/ns/net")).ok());
    traces.extend(networks.map(|network| network.display().to_string()));
    let programs = aya::programs::loaded_programs().flatten();
    traces.extend(programs.map(|program| format!("program {}", program.id())));
    traces
}

/// Waits until there is nothing more than `before` but what `is_allowed`.
fn all_gone(before: &BTreeSet<String>, is_allowed: impl Fn(&str) -> bool) {
    wait_for("the demo's traces to go", SOON, || {
        let left = traces();
        let left: Vec<_> = left.difference(before).filter(|trace| !is_allowed(trace)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

/// The line of a table that begins with this word.
fn line<'a>(tables: &'a str, first: &str) -> Vec<&'a str> {
    let words = |line: &'a str| line.split_whitespace().collect::<Vec<_>>();
    let found = tables.lines().map(words).find(|words| words.first() == Some(&first));
    found.unwrap_or_default()
}

#[test]
fn every_user_moves_bytes_and_visits_hosts() {
    let _machine = Machine::take();
    let before = traces();
    let mut demo = demo(&["--seconds", SECONDS]);
    let status = demo.end(Duration::from_mins(2));
    assert!(status.success(), "{}", demo.stderr());
    let mut tables = String::new();
    while let Some(line) = demo.next_line(Duration::from_secs(1)) {
        tables += &(line + "\n");
    }
    for (name, service, state, host) in USERS {
        let row = line(&tables, name);
        assert_eq!((row.get(1), row.last()), (Some(&service), Some(&state)), "{tables}");
        assert!(row.get(3).is_some_and(|total| total.ends_with("iB")), "{tables}");
        let row = line(&tables, host);
        assert!(!row.is_empty(), "no {host}: {tables}");
        assert!(service != "ssh" || row[1] == name, "{tables}");
    }
    all_gone(&before, |_| false);
}

#[test]
fn whatever_ends_it_nothing_is_left() {
    let _machine = Machine::take();
    let before = traces();
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut demo = demo(&["--seconds", "600"]);
        wait_for("the demo's users", Duration::from_mins(1), || {
            let said = demo.stderr();
            assert!(demo.ended().is_none(), "{said}");
            if said.contains("leaves nothing") { Ok(()) } else { Err(said) }
        });
        let new = traces().difference(&before).count();
        assert!(new > 5, "it is not seen at all: {new} traces");
        demo.signal(signal);
        let _ = demo.end(SOON);
        // An empty cgroup of one that was killed stays until the next demo.
        let cgroup = format!("vpnmon-test-{}-demo", demo.id());
        all_gone(&before, |trace| signal == Signal::SIGKILL && trace.ends_with(&cgroup));
    }
}
