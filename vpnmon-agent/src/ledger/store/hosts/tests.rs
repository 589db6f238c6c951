use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::{
    hosts::keep::Snapshot,
    ledger::incident::Kind as Event,
    model::sighting::{Direction, HostBytes, HostService, Kind, Sighting},
    time::local_time,
    view::hosts::HostEvent,
};

const AT: u64 = 1_700_000_000;

/// A state directory, and what is written into it.
struct Disk {
    dir: TempDir,
    files: Files,
}

impl Disk {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), files: Files::default() }
    }

    fn with_log(text: &str) -> Self {
        let disk = Self::new();
        disk.put(LOG, text);
        disk
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    fn load(&mut self) -> (Restored, Vec<Incident>) {
        let mut incidents = Vec::new();
        self.files = Files::default();
        let restored = self.files.load(self.dir.path(), AT, &mut incidents);
        (restored, incidents)
    }

    #[track_caller]
    fn write(&mut self, batch: HostsBatch) {
        let outcome = self.files.write(self.dir.path(), batch, AT);
        assert!(outcome.error.is_none() && outcome.found.is_empty(), "{outcome:?}");
    }

    fn append(&mut self, names: &[&str]) {
        let hosts = names.iter().zip(1..).map(|(name, number)| host(name, number)).collect();
        self.write(HostsBatch { log: LogChange::Append(hosts), ..HostsBatch::default() });
    }

    /// Names of the files that were set aside.
    fn aside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".bad-")).collect()
    }
}

fn sighting() -> Sighting {
    Sighting {
        at: AT,
        host: Vec::new(),
        kind: Kind::Sni,
        direction: Direction::Egress,
        service: HostService::Ssh,
        user: Some("alice".to_owned()),
        source_ip: Some("198.51.100.7".parse().unwrap()),
        dest: Some("192.0.2.1:443".parse().unwrap()),
    }
}

fn host(name: &str, number: u64) -> Arc<Host> {
    let mut host = Host::new(name.into(), false, number);
    host.see(&sighting(), true);
    Arc::new(host)
}

fn event(name: &str) -> Arc<HostEvent> {
    Arc::new(HostEvent {
        time: crate::time::rfc3339(AT),
        host: name.to_owned(),
        kind: Kind::Sni,
        service: HostService::Ssh,
        user: Some("alice".to_owned()),
        source_ip: None,
        dest_ip: Some("192.0.2.1".parse().unwrap()),
        dest_port: Some(443),
        direction: Direction::Egress,
        odd: false,
    })
}

fn line(name: &str) -> String {
    format!("{name}|SSH|198.51.100.7|{}\n", local_time(AT))
}

fn names(restored: &Restored) -> Vec<&str> {
    restored.hosts.iter().map(|host| &*host.name).collect()
}

#[test]
fn lines_are_added_and_replaced() {
    let mut disk = Disk::new();
    let (restored, incidents) = disk.load();
    assert_eq!((restored, incidents.len()), (Restored::default(), 0));
    disk.append(&["a.example"]);
    disk.append(&["b.example", "c.example"]);
    assert_eq!(disk.text(LOG), line("a.example") + &line("b.example") + &line("c.example"));
    let left = LogChange::Replace(vec![host("c.example", 9), host("b.example", 3)]);
    disk.write(HostsBatch { log: left, ..HostsBatch::default() });
    assert_eq!(disk.text(LOG), line("b.example") + &line("c.example"));
    let mode = fs::metadata(disk.dir.path().join(LOG)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_is_known_survives() {
    let mut disk = Disk::new();
    disk.load();
    let mut a = Arc::unwrap_or_clone(host("a.example", 1));
    a.is_manual = true;
    let bytes = crate::model::Bytes { uplink: 1, downlink: 2 };
    let Sighting { kind, service, user, .. } = sighting();
    a.moved(&HostBytes { host: Vec::new(), kind, service, user, bytes });
    let mut odd = Host::new(r"a\x0ab".into(), true, 2);
    odd.see(&sighting(), true);
    let hosts = vec![Arc::new(odd.clone()), host("b.example", 3), Arc::new(a.clone())];
    let logged = vec![Arc::clone(&hosts[1]), Arc::clone(&hosts[2])];
    let switched = Some(crate::hosts::Switched { on: false, config: true });
    disk.write(HostsBatch {
        log: LogChange::Replace(logged),
        snapshot: Some(Snapshot { hosts, switched }),
        ..HostsBatch::default()
    });
    let (restored, incidents) = disk.load();
    assert_eq!((restored.switched, incidents.len()), (switched, 0));
    assert_eq!(restored.hosts[0], a);
    assert_eq!(names(&restored), ["a.example", "b.example", r"a\x0ab"]);
    // A line that is gone is a host that is gone, whatever else is known of it.
    disk.put(LOG, &line("b.example"));
    assert_eq!(names(&disk.load().0), ["b.example", r"a\x0ab"]);
}

#[test]
fn lines_by_hand_are_taken_over_before_anything_is_written() {
    let mut disk = Disk::new();
    disk.load();
    disk.append(&["a.example"]);
    let edited = disk.text(LOG) + "By-Hand.example.|cdn|2023-11-14 22:13:20\n";
    disk.put(LOG, &edited);
    let log = LogChange::Append(vec![host("b.example", 2)]);
    let batch = HostsBatch { log, ..HostsBatch::default() };
    let outcome = disk.files.write(disk.dir.path(), batch.clone(), AT);
    assert_eq!((disk.text(LOG), outcome.failed), (edited, batch.clone()));
    let [found] = &outcome.found[..] else { panic!("{:?}", outcome.found) };
    assert_eq!((found.host.as_str(), found.service.as_str()), ("by-hand.example", "cdn"));
    disk.write(batch);
    assert_eq!(disk.text(LOG).lines().count(), 3);
    let (restored, _) = disk.load();
    let manual: Vec<_> = restored.hosts.iter().map(|host| host.is_manual).collect();
    assert_eq!(manual, [false, true, false]);
}

#[test]
fn what_is_no_host_is_set_aside_and_the_rest_taken() {
    let good = line("a.example");
    for bad in ["forged", "a b|SSH|N/A|N/A", "b|SSH|nowhere|N/A", "b|SSH|N/A|soon", "||||", "\u{1}"]
    {
        let mut disk = Disk::with_log(&format!("{bad}\n{good}"));
        let (restored, incidents) = disk.load();
        assert_eq!((names(&restored), restored.rewrite), (vec!["a.example"], true), "{bad}");
        assert_eq!((incidents[0].kind, disk.aside().len()), (Event::BadFile, 1), "{bad}");
        disk.append(&["b.example"]);
    }
}

#[test]
fn a_line_that_a_crash_cut_is_no_damage() {
    for cut in ["b.exam", "b.example|SSH|1", "b.example|SSH|N/A|2023-11-"] {
        let mut disk = Disk::with_log(&(line("a.example") + cut));
        let (restored, incidents) = disk.load();
        assert_eq!((names(&restored), incidents.len()), (vec!["a.example"], 0), "{cut}");
        disk.append(&["c.example"]);
        assert_eq!(disk.text(LOG), line("a.example") + &line("c.example"), "{cut}");
    }
}

#[test]
fn a_damaged_snapshot_costs_counts_and_no_host() {
    let mut disk = Disk::with_log(&(line("a.example") + &line("b.example")));
    disk.put(SAVED, "{\"schema\":2,\"hosts\":[]}");
    seen::append(disk.dir.path(), SEEN, &[event("a.example"), event("a.example")]).unwrap();
    let (restored, incidents) = disk.load();
    assert_eq!(names(&restored), ["a.example", "b.example"]);
    // What the events tell is known again.
    assert_eq!((restored.hosts[0].count, restored.hosts[1].count), (2, 0));
    assert!(incidents[0].reason.contains("its schema is 2"), "{incidents:?}");
    assert_eq!(disk.aside().len(), 1);
}

#[test]
fn events_are_whole_lines_whatever_happened_before() {
    let disk = Disk::new();
    let dir = disk.dir.path();
    seen::append(dir, SEEN, &[event("a.example")]).unwrap();
    let whole = disk.text(SEEN);
    disk.put(SEEN, &(whole.clone() + &whole[..whole.len() / 2]));
    seen::append(dir, SEEN, &[event("b.example")]).unwrap();
    let text = disk.text(SEEN);
    let hosts: Vec<_> =
        text.lines().map(|line| seen::parse(line.as_bytes()).unwrap().host).collect();
    assert_eq!(hosts, ["a.example", "b.example"]);
    let keys = "{\"time\":\"x\",\"host\":\"a.example\",\"kind\":\"sni\",\"service\":\"SSH\",\
        \"user\":\"alice\",\"source_ip\":null,\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,\
        \"direction\":\"egress\"}\n";
    assert_eq!(whole.replace(&crate::time::rfc3339(AT), "x"), keys);
}

#[test]
fn events_move_on_when_the_file_is_full() {
    let disk = Disk::new();
    let dir = disk.dir.path();
    let many: Vec<_> = (0..60_000).map(|n| event(&format!("{n}.example"))).collect();
    for _ in 0..12 {
        seen::append(dir, SEEN, &many).unwrap();
    }
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let names: Vec<_> = files.iter().map(|it| it.file_name().into_string().unwrap()).collect();
    let expected =
        ["hosts.jsonl", "hosts.jsonl.1", "hosts.jsonl.2", "hosts.jsonl.3", "hosts.jsonl.4"];
    assert_eq!(names, expected);
    for file in files {
        let metadata = file.metadata().unwrap();
        assert!(metadata.len() <= seen::MAX_BYTES, "{file:?}");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    }
}

#[test]
fn a_file_of_somebody_else_is_not_followed() {
    let mut disk = Disk::new();
    let other = disk.dir.path().join("other");
    fs::write(&other, "theirs\n").unwrap();
    std::os::unix::fs::symlink(&other, disk.dir.path().join(LOG)).unwrap();
    std::os::unix::fs::symlink(&other, disk.dir.path().join(SEEN)).unwrap();
    let (restored, incidents) = disk.load();
    assert_eq!((restored.hosts.len(), incidents.len()), (0, 1));
    assert!(seen::append(disk.dir.path(), SEEN, &[event("a.example")]).is_err());
    disk.append(&["a.example"]);
    assert_eq!(fs::read_to_string(other).unwrap(), "theirs\n");
}
