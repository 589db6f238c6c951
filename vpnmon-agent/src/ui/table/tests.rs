//! Screens.

use proptest::prelude::*;

use super::*;
use crate::escape;

const AT_132: &str = "\
vpnmon 0.1.0  kernel 6.18  up 3h  6 accounts  usage uplink  2026-11-24 11:09:07
ACCOUNT    SERVICE     TODAY     TOTAL     LIMIT      LEFT           UP         DOWN  STATE
alice      ssh      50.0 MiB  50.0 MiB  1.00 GiB   974 MiB   120 kbit/s  4.10 Mbit/s  ok
bob        ssh      41.0 MiB  1.00 GiB  1.00 GiB       0 B            0            0  exceeded
carol      ssh      41.0 MiB   812 MiB  50.0 MiB  9.00 MiB            0            0  warning
dave       ssh           0 B       0 B         -         -            -            -  disabled
root       system        0 B       0 B         -         -            0            0  ok
transport  system   1.05 GiB   146 GiB         -         -  4.35 Mbit/s   990 kbit/s  ok
degraded: tcx: kernel 6.1 has none, using clsact
hooks: cgroup /sys/fs/cgroup, tc eth0
";

const AT_80: &str = "\
vpnmon 0.1.0  kernel 6.18  up 3h  6 accounts  usage uplink  2026-11-24 11:09:07
ACCOUNT    SERVICE    TODAY    TOTAL    LIMIT     LEFT    UP/s  DOWN/s  STATE
alice      ssh      50.0MiB  50.0MiB  1.00GiB   974MiB   120kb  4.10Mb  ok
bob        ssh      41.0MiB  1.00GiB  1.00GiB       0B       0       0  exceeded
carol      ssh      41.0MiB   812MiB  50.0MiB  9.00MiB       0       0  warning
dave       ssh           0B       0B        -        -       -       -  disabled
root       system        0B       0B        -        -       0       0  ok
transport  system   1.05GiB   146GiB        -        -  4.35Mb   990kb  ok
degraded: tcx: kernel 6.1 has none, using clsact
hooks: cgroup /sys/fs/cgroup, tc eth0
";

const AT_60: &str = "\
vpnmon 0.1.0  kernel 6.18  up 3h  6 accounts  usage uplink
ACCOUNT      TOTAL     LEFT    UP/s  DOWN/s  STATE
alice      50.0MiB   974MiB   120kb  4.10Mb  ok
bob        1.00GiB       0B       0       0  exceeded
carol       812MiB  9.00MiB       0       0  warning
dave            0B        -       -       -  disabled
root            0B        -       0       0  ok
transport   146GiB        -  4.35Mb   990kb  ok
degraded: tcx: kernel 6.1 has none, using clsact
hooks: cgroup /sys/fs/cgroup, tc eth0
";

const IN_7_LINES: &str = "\
vpnmon 0.1.0  kernel 6.18  up 3h
ACCOUNT    TOTAL     LEFT  STATE
alice    50.0MiB   974MiB  ok
bob      1.00GiB       0B  exceeded
… and 4 more
degraded: tcx: kernel 6.1 has none,
… and 2 more
";

const PLAIN: &str = "\
ACCOUNT    SERVICE    TODAY    TOTAL    LIMIT     LEFT          UP        DOWN  STATE
alice      ssh      50.0MiB  50.0MiB  1.00GiB   974MiB   120kbit/s  4.10Mbit/s  ok
bob        ssh      41.0MiB  1.00GiB  1.00GiB       0B           0           0  exceeded
carol      ssh      41.0MiB   812MiB  50.0MiB  9.00MiB           0           0  warning
dave       ssh           0B       0B        -        -           -           -  disabled
root       system        0B       0B        -        -           0           0  ok
transport  system   1.05GiB   146GiB        -        -  4.35Mbit/s   990kbit/s  ok
";

fn screen(status: &Status, width: usize, height: Option<usize>, color: bool) -> String {
    let timestamp: jiff::Timestamp = "2026-11-24T11:09:07Z".parse().unwrap();
    let now = timestamp.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    render_at(status, TableStyle { width, height, color }, &now)
}

fn named(names: &[&str]) -> Status {
    let accounts = names.iter().map(|name| example::account(Service::Ssh, name)).collect();
    Status { accounts, ..example::status() }
}

/// `text` without colours.
fn uncolored(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
}

#[test]
fn fits_its_terminal() {
    for (width, height, expected) in
        [(132, None, AT_132), (80, None, AT_80), (60, Some(24), AT_60), (40, Some(7), IN_7_LINES)]
    {
        let shown = screen(&example::status(), width, height, false);
        assert_eq!(shown, expected, "{width}\n{shown}");
    }
}

#[test]
fn is_plain_for_programs() {
    assert_eq!(plain(&example::status()), PLAIN);
    let shown = plain(&named(&["a b\u{2003}c", "d"]));
    let first: Vec<_> = shown.lines().map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, [Some("ACCOUNT"), Some("a\\x20b\\u{2003}c"), Some("d")]);
}

#[test]
fn states_have_the_colours_of_the_panel() {
    let shown = screen(&example::status(), 80, None, true);
    for expected in [
        "\x1b[1mACCOUNT ",
        "STATE\x1b[0m\n",
        "  \x1b[32mok\x1b[0m\n",
        "  \x1b[33mwarning\x1b[0m\n",
        "  \x1b[31mexceeded\x1b[0m\n",
        "  \x1b[2mdisabled\x1b[0m\n",
        "\x1b[2mroot ",
        "\x1b[33mdegraded: ",
    ] {
        assert!(shown.contains(expected), "no {expected:?} in {shown:?}");
    }
    assert_eq!(uncolored(&shown), AT_80);
}

#[test]
fn a_hostile_name_keeps_to_its_column() {
    let status =
        named(&["\x1b[2J", "\u{202e}nhoj", "李雷", "a-name-that-is-longer-than-its-column"]);
    let shown = screen(&status, 80, None, false);
    let rows = shown.lines().skip(2).take(4).map(|row| &row[..row.find("ssh").unwrap()]);
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows, ["\\x1b[2J    ", "\\u{202e}…  ", "李雷       ", "a-name-t…  "], "{shown}");
}

#[test]
fn the_limit_shown_is_the_tighter() {
    for (daily, total, expected) in [
        ((0, 0), (0, 0), "-"),
        ((0, 10), (1 << 20, 10), "1.00MiB"),
        ((1 << 20, 10), (0, 10), "1.00MiB"),
        ((2 << 20, 0), (3 << 20, 1 << 20), "3.00MiB"),
        ((2 << 20, 0), (3 << 20, 2 << 20), "3.00MiB"),
        ((2 << 20, 0), (9 << 20, 1 << 20), "2.00MiB"),
        ((2 << 20, 3 << 20), (9 << 20, 9 << 20), "9.00MiB"),
    ] {
        let mut account = example::account(Service::Ssh, "john");
        (account.daily_limit, account.daily_usage) = daily;
        (account.total_limit, account.total_usage) = total;
        let shown = plain(&Status { accounts: vec![account], ..example::status() });
        let cell = shown.lines().nth(1).and_then(|row| row.split_whitespace().nth(4));
        assert_eq!(cell, Some(expected), "{daily:?} {total:?}");
    }
}

proptest! {
    #[test]
    fn any_status_fits_any_terminal(
        names in proptest::collection::vec(any::<String>(), 0..12),
        reason in any::<String>(),
        numbers: (u64, u64, u64, u64),
        width in 1..200usize,
        height in 0..30usize,
    ) {
        let mut status = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        status.agent.degraded.push(reason);
        for account in &mut status.accounts {
            (account.daily_usage, account.total_usage) = (numbers.0, numbers.1);
            (account.daily_limit, account.remaining) = (numbers.2, Some(numbers.0));
            (account.uplink_bps, account.downlink_bps) = (Some(numbers.3), Some(numbers.2));
        }
        let shown = screen(&status, width, Some(height), false);
        prop_assert!(shown.lines().count() <= height);
        for line in shown.lines() {
            prop_assert!(escape::width(line) <= width, "{line:?}");
            prop_assert_eq!(escape::escaped(line), line);
        }
        prop_assert_eq!(uncolored(&screen(&status, width, Some(height), true)), shown);
        for line in plain(&status).lines().skip(1) {
            let cells = line.split_whitespace().count();
            prop_assert!(cells == 9 || line.starts_with(' '), "{line:?}");
        }
    }
}
