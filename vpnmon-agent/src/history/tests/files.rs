//! Damaged files, old days, names that change.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::*;
use crate::{history::NoReport, ledger::incident::Kind};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A file in which john has moved 500 bytes.
fn written() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut history = open(dir.path(), vec![mark(1, "john", 100, MIDNIGHT)], MIDNIGHT);
    history.note(mark(1, "john", 600, MIDNIGHT + 60));
    assert_eq!(history.due(now(MIDNIGHT + 60), true), []);
    dir
}

#[test]
fn begins_with_nothing_of_before() {
    let dir = written();
    let mode = fs::metadata(dir.path().join("history.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let marks = [mark(1, "john", 600, MIDNIGHT + 60)];
    let history = open(dir.path(), marks.to_vec(), MIDNIGHT + 120);
    let shown = report(&history, &query(By::Hour), &marks, MIDNIGHT + 120);
    assert_eq!(uplinks(&shown), [("john", 500)]);
    assert_eq!((shown.uplink, shown.downlink), (500, 250));
}

/// What makes no sense is put aside, with an event, and a new file has what is moved from then on.
#[test]
fn a_damaged_file_is_set_aside() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 5] = [
        ("no store", |path| fs::write(path, "ssh john 5\n").unwrap()),
        ("cut", |path| fs::File::options().write(true).open(path).unwrap().set_len(5000).unwrap()),
        ("all zeros", |path| fs::write(path, vec![0; 1 << 20]).unwrap()),
        ("a directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("a link", |path| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let dir = written();
        let path = dir.path().join("history.redb");
        damage(&path);
        let marks = vec![mark(1, "john", 700, MIDNIGHT + 90)];
        let (history, incidents) = History::open(dir.path(), 400, marks, now(MIDNIGHT + 120));
        let kinds: Vec<_> = incidents.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [Kind::BadFile], "{what}: {incidents:?}");
        assert!(
            path.with_extension(format!("redb.bad-{}", MIDNIGHT + 120)).symlink_metadata().is_ok()
        );
        let marks = [mark(1, "john", 750, MIDNIGHT + 130)];
        let shown = report(&history, &query(By::Day), &marks, MIDNIGHT + 130);
        assert_eq!(uplinks(&shown), [("john", 50)], "{what}");
    }
}

/// Bytes turned anywhere in the file end in an answer or an error, never in a crash.
#[test]
fn flipped_bytes_crash_nobody() {
    let dir = written();
    let path = dir.path().join("history.redb");
    let whole = fs::read(&path).unwrap();
    let used: Vec<_> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    for at in used.iter().step_by(used.len() / 40 + 1) {
        let mut bytes = whole.clone();
        bytes[*at] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        let marks = vec![mark(1, "john", 700, MIDNIGHT + 90)];
        let (mut history, _) = History::open(dir.path(), 400, marks.clone(), now(MIDNIGHT + 120));
        let _any = history.reader().report(&query(By::Day), &marks, wall(MIDNIGHT));
        history.note(mark(1, "john", 800, MIDNIGHT + 130));
        let _any = history.due(now(MIDNIGHT + 200), true);
        let _any = history.due(now(MIDNIGHT + 300), true);
    }
}

#[test]
fn a_file_that_goes_is_begun_anew() {
    let dir = written();
    let mut history = open(dir.path(), vec![mark(1, "john", 600, MIDNIGHT)], MIDNIGHT);
    fs::remove_file(dir.path().join("history.redb")).unwrap();
    history.note(mark(1, "john", 650, MIDNIGHT + 60));
    history.due(now(MIDNIGHT + 60), true);
    drop(history);
    let marks = [mark(1, "john", 660, MIDNIGHT + 60)];
    let history = open(dir.path(), marks.to_vec(), MIDNIGHT);
    assert_eq!(report(&history, &query(By::Day), &marks, MIDNIGHT).uplink, 0);
}

#[test]
fn a_name_that_changes_takes_its_days_along() {
    let dir = written();
    let marks = [mark(1, "johnny", 700, MIDNIGHT + 90), mark(2, "john", 4, MIDNIGHT + 90)];
    let mut history = open(dir.path(), marks.to_vec(), MIDNIGHT + 90);
    let shown = report(&history, &query(By::Day), &marks, MIDNIGHT + 120);
    assert_eq!(uplinks(&shown), [("john", 4), ("johnny", 600)]);
    // Another account takes it over; both are one from then on.
    let heir = Mark { is_last: true, ..mark(2, "johnny", 6, MIDNIGHT + 95) };
    history.note(heir);
    history.due(now(MIDNIGHT + 200), true);
    let shown = report(&history, &query(By::Day), &marks[..1], MIDNIGHT + 200);
    assert_eq!(uplinks(&shown), [("johnny", 606)]);
    let one = Query { account: Some("ssh:johnny".to_owned()), ..query(By::Day) };
    assert_eq!(report(&history, &one, &marks[..1], MIDNIGHT + 200).uplink, 606);
}

#[test]
fn who_is_gone_is_known_until_its_days_are_too_old() {
    let dir = written();
    let mut history = open(dir.path(), Vec::new(), MIDNIGHT);
    let john = Query { account: Some("john".to_owned()), ..query(By::Month) };
    for (days, uplink) in [(0, Some(500)), (1, Some(500)), (399, Some(500)), (401, None)] {
        let at = MIDNIGHT + 61 + days * DAY;
        assert_eq!(history.due(now(at), true), []);
        let found = history.reader().report(&john, &[], wall(at));
        assert_eq!(found.ok().map(|it| it.uplink), uplink, "after {days} days");
    }
    let unknown = history.reader().report(&john, &[], wall(MIDNIGHT));
    assert!(matches!(unknown, Err(NoReport::Unknown(_))), "{unknown:?}");
}

#[test]
fn a_name_in_two_services_has_to_be_told() {
    let dir = TempDir::new().unwrap();
    let mut other = mark(2, "john", 0, MIDNIGHT);
    other.key.service = Service::Vless;
    let history = open(dir.path(), vec![mark(1, "john", 0, MIDNIGHT), other.clone()], MIDNIGHT);
    other.bytes.uplink = 7;
    let marks = [mark(1, "john", 20, MIDNIGHT), other];
    let ask = |account: &str, service| {
        let query = Query { account: Some(account.to_owned()), service, ..query(By::Day) };
        history.reader().report(&query, &marks, wall(MIDNIGHT)).map(|report| report.uplink)
    };
    assert!(matches!(ask("john", None), Err(NoReport::Ambiguous(..))));
    assert_eq!(ask("vless:john", None).unwrap(), 7);
    assert_eq!(ask("john", Some(Service::Ssh)).unwrap(), 20);
}

#[test]
fn machines_own_accounts_are_asked_for_by_service() {
    let dir = TempDir::new().unwrap();
    let mut root = mark(2, "root", 0, MIDNIGHT);
    root.key.service = Service::System;
    let history = open(dir.path(), vec![root.clone()], MIDNIGHT);
    root.bytes.uplink = 9;
    let marks = [mark(1, "john", 20, MIDNIGHT), root];
    assert_eq!(uplinks(&report(&history, &query(By::Day), &marks, MIDNIGHT)), [("john", 20)]);
    let system = Query { service: Some(Service::System), ..query(By::Day) };
    assert_eq!(uplinks(&report(&history, &system, &marks, MIDNIGHT)), [("root", 9)]);
}

/// Days with more rows than a commit packs, and rows that come late to a day that is packed.
#[test]
fn many_accounts_are_packed_piece_by_piece() {
    let dir = TempDir::new().unwrap();
    let mut history = open(dir.path(), Vec::new(), MIDNIGHT);
    let many = 9_000;
    let marks = |bytes: u64, at| -> Vec<_> {
        (1..=many).map(|number| mark(number, &format!("u{number}"), bytes, at)).collect()
    };
    for day in 0..3 {
        let at = MIDNIGHT + HOUR + day * DAY;
        for mark in marks(100 * (day + 1), at) {
            history.note(mark);
        }
        history.due(now(at), true);
    }
    for minute in 2..9 {
        history.due(now(MIDNIGHT + 3 * DAY + minute * 60), true);
    }
    // Late, and in the middle.
    history.note(mark(7000, "u7000", 340, MIDNIGHT + HOUR));
    history.due(now(MIDNIGHT + 4 * DAY), true);
    let asked = Query { detail: true, ..query(By::Day) };
    let shown = report(&history, &asked, &[], MIDNIGHT + 4 * DAY);
    assert_eq!(shown.uplink, many * 300 + 40);
    let uplinks: Vec<_> = shown.periods.iter().map(|day| day.uplink).collect();
    assert_eq!(uplinks, [many * 100 + 40, many * 100, many * 100, 0, 0]);
    assert_eq!(shown.detail.len(), usize::try_from(3 * many).unwrap());
    assert_eq!(shown.accounts[0].name, "u7000");
}
