//! Logs are rotated, cut, gone, too fast; journalctl ends.

use std::{fs, path::Path, time::Duration};

use super::fake::{Machine, append};
use crate::{
    config::AuthLog,
    sources::sessions::{lines::MAX_LINE_BYTES, tail::Tail},
};

/// Lines that a tail hands out in one poll.
fn polled(tail: &mut Tail, at: u64) -> Vec<String> {
    let mut lines = Vec::new();
    tail.poll(Duration::from_secs(at), |line| {
        lines.push(String::from_utf8_lossy(line).into_owned());
    });
    lines
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_beyond() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
    append(&path, "before\nhal");
    let mut tail = Tail::new(&path);
    assert_eq!(tail.open_at_end(), Some(10));
    append(&path, "f\none\n");
    assert_eq!(polled(&mut tail, 0), ["one"], "the line that had begun is passed over");
    append(&path, "two\n");
    fs::rename(&path, &old).unwrap();
    assert_eq!(polled(&mut tail, 1), Vec::<String>::new());
    assert!(tail.problem.is_some(), "nothing is there");
    append(&path, "four\n");
    append(&old, "three\n");
    assert_eq!(polled(&mut tail, 2), ["two", "three", "four"]);
    assert_eq!(tail.problem, None);
    append(&old, "five\n");
    assert_eq!(polled(&mut tail, 3), ["five"]);
    assert_eq!(polled(&mut tail, 100), Vec::<String>::new());
    append(&old, "nobody writes there now\n");
    assert_eq!(polled(&mut tail, 101), Vec::<String>::new());
}

#[test]
fn a_truncated_file_is_read_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, "one\n");
    let mut tail = Tail::new(&path);
    assert_eq!(polled(&mut tail, 0), ["one"]);
    append(&path, "half");
    assert_eq!(polled(&mut tail, 0), Vec::<String>::new());
    fs::write(&path, "two\n").unwrap();
    assert_eq!(polled(&mut tail, 0), ["two"]);
    fs::write(&path, "grown again to more than it was\n").unwrap();
    assert_eq!(polled(&mut tail, 0), ["grown again to more than it was"]);
    fs::write(&path, "").unwrap();
    assert_eq!(polled(&mut tail, 0), Vec::<String>::new());
    append(&path, "three\n");
    assert_eq!(polled(&mut tail, 0), ["three"]);
    assert_eq!(polled(&mut tail, 0), Vec::<String>::new());
    until_the_clock_ticks(&path);
    fs::write(&path, "seven\n").unwrap();
    assert_eq!(polled(&mut tail, 0), ["seven"], "as long as before");
}

/// File times are those of the kernel's last tick.
fn until_the_clock_ticks(path: &Path) {
    let touched = |name| {
        let file = path.with_file_name(name);
        fs::write(&file, "").unwrap();
        fs::metadata(file).unwrap().modified().unwrap()
    };
    let before = touched("before");
    while touched("after") == before {}
}

#[test]
fn what_is_no_file_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut tail = Tail::new(&path);
    assert_eq!(polled(&mut tail, 0), Vec::<String>::new());
    assert_eq!(tail.problem.as_deref(), Some("it is no regular file"));
    let mut tail = Tail::new(dir.path());
    polled(&mut tail, 0);
    assert!(tail.problem.is_some());
}

#[test]
fn a_flood_is_read_bit_by_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut tail = Tail::new(&path);
    let line = "x".repeat(99) + "\n";
    fs::write(&path, line.repeat(10_000)).unwrap();
    append(&path, &"y".repeat(MAX_LINE_BYTES + 1));
    append(&path, "\nlast\n");
    let first = polled(&mut tail, 0).len();
    assert!(first < 3000, "{first} lines at once");
    let rest: Vec<_> = (0..4).flat_map(|_| polled(&mut tail, 0)).collect();
    assert_eq!((first + rest.len(), rest.last().map(String::as_str)), (10_001, Some("last")));
    assert_eq!(tail.lines_too_long(), 1);
}

#[test]
fn sessions_are_found_through_a_rotation() {
    let mut machine = Machine::new();
    let mut watch = machine.watch();
    machine.poll(&mut watch, 0.2);
    let log = machine.path("auth.log");
    for (n, rotate) in [0, 1, 2, 3].into_iter().zip([false, true, false, true]) {
        let client = format!("1.2.3.4:{}", 5 + n);
        machine.dropbear(300 + n, 7, &client);
        if n == 2 {
            fs::copy(&log, machine.path("auth.log.1")).unwrap();
            fs::write(&log, "").unwrap();
        }
        machine.says(300 + n, "john", &client);
        if rotate {
            fs::rename(&log, machine.path("auth.log.1")).unwrap();
            fs::write(&log, "").unwrap();
        }
        let expected = [format!("+{} john {client}", 300 + n)];
        assert_eq!(machine.poll(&mut watch, 0.3), expected);
    }
}

/// journalctl, as a script: what it was asked goes into `asked`.
fn journalctl(machine: &Machine, script: &str) -> Vec<String> {
    let asked = machine.path("asked").display().to_string();
    ["sh", "-c", script, &asked].map(str::to_owned).to_vec()
}

fn entry(pid: u32, user: &str) -> String {
    format!(
        r#"{{"__CURSOR":"c={pid}","__REALTIME_TIMESTAMP":"1795000001000000","_PID":"{pid}","_COMM":"dropbear","_EXE":"/usr/sbin/dropbear","MESSAGE":"Password auth succeeded for '{user}' from 1.2.3.4:5"}}"#
    )
}

/// A child needs real time; the tracker's own clock goes ten times as fast.
fn until(machine: &mut Machine, what: &str, mut done: impl FnMut(&mut Machine) -> bool) {
    let start = std::time::Instant::now();
    while !done(machine) {
        assert!(start.elapsed() < Duration::from_secs(20), "waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_journal_is_read_and_its_reader_started_again() {
    let mut machine = Machine::new();
    fs::write(machine.path("journald"), "").unwrap();
    fs::create_dir_all(machine.path("journal/1")).unwrap();
    machine.dropbear(300, 7, "1.2.3.4:5");
    fs::write(machine.path("entries"), entry(300, "john") + "\nno entry\n").unwrap();
    let entries = machine.path("entries").display().to_string();
    let script = format!("echo \"$@\" >>\"$0\"; cat '{entries}'; echo it breaks >&2; exit 1");
    let command = journalctl(&machine, &script);
    let mut watch = machine.watch_with(&AuthLog::Auto, command);
    let mut events = Vec::new();
    until(&mut machine, "the session", |machine| {
        events.extend(machine.poll(&mut watch, 0.1));
        !events.is_empty()
    });
    assert_eq!(events, ["+300 john 1.2.3.4:5"]);
    let asked = || fs::read_to_string(machine.path("asked")).unwrap_or_default();
    assert!(asked().contains("--follow --no-tail --since=@1794999995"), "{}", asked());
    assert!(asked().contains("_COMM=sshd _COMM=sshd-session _COMM=dropbear"), "{}", asked());
    let asked = machine.path("asked");
    until(&mut machine, "another start", |machine| {
        machine.poll(&mut watch, 0.1);
        fs::read_to_string(&asked).is_ok_and(|text| text.contains("--after-cursor=c=300"))
    });
    until(&mut machine, "its complaint", |machine| {
        machine.poll(&mut watch, 0.1);
        watch.problems().concat().contains("sh ended: it breaks")
    });
}

#[test]
fn a_journal_that_cannot_be_read_is_left_for_a_file() {
    let mut machine = Machine::new();
    fs::write(machine.path("journald"), "").unwrap();
    fs::create_dir_all(machine.path("journal/1")).unwrap();
    let mut watch = machine.watch_with(&AuthLog::Auto, vec!["/no/such/journalctl".into()]);
    machine.poll(&mut watch, 0.2);
    assert!(
        watch.problems()[0].contains("cannot run /no/such/journalctl"),
        "{:?}",
        watch.problems()
    );
    machine.poll(&mut watch, 10.0);
    machine.dropbear(300, 7, "1.2.3.4:5");
    machine.says(300, "john", "1.2.3.4:5");
    assert_eq!(machine.poll(&mut watch, 0.3), ["+300 john 1.2.3.4:5"]);
}
