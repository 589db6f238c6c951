use std::os::unix::fs::PermissionsExt as _;

use jiff::civil::Date;
use tempfile::TempDir;

use super::{load::Loaded, *};
use crate::{
    ledger::{incident::Kind, recorded::Recorded},
    model::Bytes,
};

fn record(service: Service, name: &str, uplink: u64) -> Record {
    Record {
        service,
        name: name.to_owned(),
        uid: Some(1001),
        epoch: "boot/1/uplink".to_owned(),
        baseline_usage: 5,
        mark: 100,
        last_stats: uplink,
        bytes: Bytes { uplink: uplink + 5, downlink: 7 },
        raw: Some(Bytes { uplink: uplink + 100, downlink: 70 }),
        daily_usage: 1,
        daily_limit: 0,
        total_limit: 1 << 30,
        last_reset: Date::constant(2026, 11, 23),
        last_update: 1_700_000_000,
        is_disabled: false,
        exceeded_at: None,
        is_warned: false,
        imported: None,
        clients: Vec::new(),
        passwd_digest: None,
        fwmark: None,
        is_configured: false,
        recorded: Recorded::default(),
    }
}

fn open(dir: &TempDir) -> (Store, Loaded) {
    let mut store = Store::open(dir.path()).unwrap();
    let loaded = store.load(1_700_000_001).unwrap();
    (store, loaded)
}

fn usage(records: &[Record]) -> Batch {
    Batch { records: records.to_vec(), ..Batch::default() }
}

fn snapshot(records: &[Record]) -> Batch {
    Batch { snapshot: Some(records.to_vec()), ..usage(records) }
}

fn write(store: &mut Store, batch: Batch) {
    let stored = store.write(batch, 1_700_000_001);
    assert!(stored.error.is_none(), "{stored:?}");
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join(USAGE_DIR)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_again() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    let records = [record(Service::Ssh, "john", 10)];
    write(&mut store, snapshot(&records));
    let (_, loaded) = open(&dir);
    assert_eq!((loaded.records.as_slice(), loaded.incidents.as_slice()), (&records[..], &[][..]));
    let mode = fs::metadata(dir.path().join("usage/john.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn the_file_is_the_contracts() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    write(&mut store, usage(&[record(Service::Ssh, "john", 10)]));
    let text = fs::read_to_string(dir.path().join("usage/john.json")).unwrap();
    let expected = r#"{
  "username": "john",
  "daily_usage": 1,
  "total_usage": 15,
  "daily_limit": 0,
  "total_limit": 1073741824,
  "last_reset": "2026-11-23",
  "last_update": 1700000000,
  "baseline_usage": 5,
  "last_stats": 10,
  "service": "ssh",
  "uplink": 15,
  "downlink": 7,
  "mark": 100,
  "epoch": "boot/1/uplink"
}
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_usage_file_newer_than_the_snapshot_brings_its_raw_counters_along() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    let kept = Record {
        is_disabled: true,
        imported: Some(5),
        passwd_digest: Some(7),
        ..record(Service::Ssh, "john", 10)
    };
    write(&mut store, snapshot(&[kept]));
    let later = Record {
        bytes: Bytes { uplink: 25, downlink: 9 },
        raw: Some(Bytes { uplink: 120, downlink: 72 }),
        is_disabled: true,
        imported: Some(5),
        passwd_digest: Some(7),
        recorded: Recorded { number: 0, bytes: Bytes { uplink: 10, downlink: 2 } },
        ..record(Service::Ssh, "john", 20)
    };
    write(&mut store, usage(std::slice::from_ref(&later)));
    assert_eq!(open(&dir).1.records, [later]);
}

#[test]
fn a_crash_between_snapshot_and_usage_file_keeps_the_newer() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    write(&mut store, snapshot(&[record(Service::Ssh, "john", 10)]));
    let folded = Record {
        epoch: "boot/2/uplink".to_owned(),
        baseline_usage: 15,
        last_stats: 0,
        mark: 0,
        ..record(Service::Ssh, "john", 10)
    };
    store.write_snapshot(std::slice::from_ref(&folded)).unwrap();
    assert_eq!(open(&dir).1.records, [folded]);
}

#[test]
fn without_the_snapshot_the_usage_file_is_left_and_the_other_way_round() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    let kept = record(Service::Ssh, "john", 10);
    write(&mut store, snapshot(std::slice::from_ref(&kept)));
    fs::remove_file(dir.path().join(SNAPSHOT)).unwrap();
    let from_file = Record { uid: None, raw: None, ..kept.clone() };
    assert_eq!(open(&dir).1.records, [from_file]);
    write(&mut store, snapshot(std::slice::from_ref(&kept)));
    fs::remove_file(dir.path().join("usage/john.json")).unwrap();
    assert_eq!(open(&dir).1.records, [kept]);
}

#[test]
fn what_is_damaged_is_set_aside_and_restored() {
    let good = fs::read_to_string;
    for damage in ["", "{", "null", "{\"username\": \"john\", \"epoch\": \"\"}"] {
        let dir = TempDir::new().unwrap();
        let (mut store, _) = open(&dir);
        let kept = record(Service::Ssh, "john", 10);
        write(&mut store, snapshot(std::slice::from_ref(&kept)));
        let path = dir.path().join("usage/john.json");
        fs::write(&path, damage).unwrap();
        let (_, loaded) = open(&dir);
        assert_eq!(loaded.records, [kept]);
        let kinds: Vec<_> = loaded.incidents.iter().map(|incident| incident.kind).collect();
        assert_eq!(kinds, [Kind::BadFile]);
        assert_eq!(names(&dir), ["john.json.bad-1700000001"]);
        assert_eq!(good(dir.path().join("usage/john.json.bad-1700000001")).unwrap(), damage);
    }
}

#[test]
fn a_file_of_another_account_a_link_and_a_pipe_are_set_aside() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    write(&mut store, usage(&[record(Service::Ssh, "john", 10)]));
    let usage = dir.path().join(USAGE_DIR);
    fs::copy(usage.join("john.json"), usage.join("mary.json")).unwrap();
    std::os::unix::fs::symlink("john.json", usage.join("link.json")).unwrap();
    nix::unistd::mkfifo(&usage.join("pipe.json"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let (_, loaded) = open(&dir);
    assert_eq!(loaded.records.len(), 1);
    assert_eq!(loaded.incidents.len(), 3, "{:?}", loaded.incidents);
    assert!(names(&dir).contains(&"mary.json.bad-1700000001".to_owned()));
}

#[test]
fn a_bare_name_is_ssh_first() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    let (system, ssh) = (record(Service::System, "bob", 1), record(Service::Ssh, "bob", 2));
    write(&mut store, usage(std::slice::from_ref(&system)));
    assert_eq!(names(&dir), ["bob.json"]);
    write(&mut store, usage(&[ssh]));
    write(&mut store, usage(&[system]));
    assert_eq!(names(&dir), ["bob.json", "system:bob.json"]);
    let (_, loaded) = open(&dir);
    let mut totals: Vec<_> = loaded.records.iter().map(|r| (r.service, r.total_usage())).collect();
    totals.sort();
    assert_eq!(totals, [(Service::Ssh, 7), (Service::System, 6)]);
}

#[test]
fn what_fails_comes_back() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    fs::remove_dir(dir.path().join(USAGE_DIR)).unwrap();
    let john = record(Service::Ssh, "john", 10);
    let stored = store.write(usage(std::slice::from_ref(&john)), 1_700_000_001);
    assert!(stored.error.is_some_and(|error| error.contains("ssh:john")));
    assert_eq!(stored.failed.records, [john]);
}

#[test]
fn events_are_appended_even_after_a_torn_line() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&dir);
    fs::write(dir.path().join(EVENTS), "{\"time\": \"20").unwrap();
    let incident = crate::ledger::incident::Incident {
        at: 0,
        kind: Kind::BadFile,
        account: Some(Box::new(record(Service::Ssh, "a\"\n", 10))),
        reason: "why".to_owned(),
    };
    write(&mut store, Batch { incidents: vec![incident], ..Batch::default() });
    let text = fs::read_to_string(dir.path().join(EVENTS)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let line: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!((&line["event"], &line["name"]), (&"bad-file".into(), &"a\"\n".into()));
}
