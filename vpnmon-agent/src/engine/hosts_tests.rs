//! Histories of hosts: sightings, commands, full disks, crashes and restarts, against a model that
//! only remembers.

use std::{collections::BTreeMap, fs, time::Duration};

use jiff::civil::Date;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    engine::{Engine, Restored as Accounts, Settings as EngineSettings},
    event::{Event, FlowMoved, Heard, Said, Stored},
    ledger::store::Store,
    model::{
        Bytes,
        sighting::{Direction, HostService, Kind as Seen},
    },
    users::Users,
};

/// As they are sent, and as they are kept.
const NAMES: [(&str, &str); 5] = [
    ("a.example", "a.example"),
    ("B.Example.:443", "b.example"),
    ("[2001:DB8::1]:80", "[2001:db8::1]"),
    ("evil\nforged.example|SSH|N/A|x", r"evil\x0aforged.example\|ssh\|n/a\|x"),
    ("c.example", "c.example"),
];
const USERS: [Option<&str>; 3] = [Some("alice"), Some("bob"), None];

#[derive(Clone, Debug)]
enum Step {
    See {
        name: usize,
        user: usize,
    },
    Add(usize),
    Remove(usize),
    Clear,
    Switch(bool),
    Persist,
    /// Nothing can be written.
    FullDisk,
    Kill,
    Stop,
    /// Somebody writes a line into hosts.log.
    Edit,
}

/// Of a host: how often it was seen in all and by each user, and whether it was added by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    by_user: BTreeMap<usize, u64>,
    is_manual: bool,
}

type Rows = BTreeMap<&'static str, Row>;

struct World {
    dir: TempDir,
    store: Store,
    engine: Engine,
    second: u64,
    rows: Rows,
    on: bool,
    /// As they were when everything was last written down.
    written: (Rows, bool),
    /// Sightings that were taken, and those of them that are in hosts.jsonl.
    seen: (usize, usize),
}

fn now(second: u64) -> Now {
    Now {
        unix_seconds: 1_700_000_000 + second,
        today: Date::constant(2023, 11, 14),
        monotonic: Duration::from_secs(second),
    }
}

fn engine() -> Engine {
    let settings = EngineSettings::of_tests("boot/1/uplink");
    Engine::new(settings, Users::default(), Accounts::default(), now(0))
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (rows, written) = (Rows::new(), (Rows::new(), true));
        let mut world =
            Self { dir, store, engine: engine(), second: 0, rows, on: true, written, seen: (0, 0) };
        world.start();
        world
    }

    /// What is not on disk is gone.
    fn start(&mut self) {
        self.store = Store::open(self.dir.path()).unwrap();
        self.engine = engine();
        let mut incidents = Vec::new();
        let restored = self.store.load_hosts(0, &mut incidents);
        assert!(incidents.is_empty(), "{incidents:?}");
        let settings = Settings { enabled: true, max_hosts: 100, max_flows: 64 };
        self.engine.open_hosts(settings, restored, incidents, now(self.second));
        (self.rows, self.on) = self.written.clone();
        self.seen.0 = self.seen.1;
        self.check();
    }

    fn handle(&mut self, event: Event<'_>) -> Vec<Command> {
        self.second += 1;
        self.engine.handle(event, now(self.second))
    }

    fn persist(&mut self) {
        while !self.engine.is_settled() {
            for command in self.handle(Event::PersistDue) {
                let Command::Store(batch) = command else { panic!("{command:?}") };
                let stored = self.store.write(batch, 0);
                assert_eq!(stored.error, None);
                self.handle(Event::Stored(stored));
            }
        }
        assert!(self.engine.is_kept());
        self.written = (self.rows.clone(), self.on);
        self.seen.1 = self.seen.0;
        self.check_files();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::See { name, user } => self.see(*name, *user),
            Step::Add(name) => {
                let (sent, kept) = NAMES[*name];
                let added = self.engine.add_host(sent, None, None, now(self.second));
                if kept.contains('\\') {
                    assert!(matches!(added, Err(NoHost::NoName(_))), "{added:?}");
                    return;
                }
                assert_eq!(added.unwrap().0, kept);
                self.rows.entry(kept).or_default().is_manual = true;
                self.persist();
            }
            Step::Remove(name) => {
                let (sent, kept) = NAMES[*name];
                let word = if kept.contains('\\') { kept } else { sent };
                let removed = self.engine.remove_host(word, now(self.second));
                assert_eq!(removed.is_ok(), self.rows.remove(kept).is_some(), "{removed:?}");
                if removed.is_ok() {
                    let forgotten = self.engine.take_outbox(now(self.second));
                    assert_eq!(forgotten, [Command::Forget(Some(kept.into()))]);
                    assert!(!self.engine.is_kept());
                }
                self.persist();
            }
            Step::Clear => {
                assert_eq!(self.engine.clear_hosts(now(self.second)), self.rows.len());
                assert_eq!(self.engine.take_outbox(now(self.second)), [Command::Forget(None)]);
                self.rows.clear();
                self.persist();
            }
            Step::Switch(on) => {
                assert_eq!(self.engine.switch_hosts(*on, now(self.second)), self.on != *on);
                assert_eq!(self.engine.take_outbox(now(self.second)), [Command::Capture(*on)]);
                self.on = *on;
                self.persist();
            }
            Step::Persist => self.persist(),
            Step::FullDisk => self.full_disk(),
            Step::Kill => self.start(),
            Step::Stop => {
                self.engine.hurry();
                self.persist();
                self.start();
            }
            Step::Edit => self.edit(),
        }
        self.check();
    }

    fn see(&mut self, name: usize, user: usize) {
        let (sent, kept) = NAMES[name];
        let sighting = Sighting {
            at: now(self.second).unix_seconds,
            host: sent.as_bytes().to_vec(),
            kind: Seen::Sni,
            direction: Direction::Egress,
            service: HostService::Ssh,
            user: USERS[user].map(str::to_owned),
            source_ip: None,
            dest: None,
        };
        let commands = self.handle(Event::Sightings(vec![sighting]));
        if !self.on {
            assert_eq!(commands, []);
            return;
        }
        assert!(matches!(&commands[..], [Command::Show(rows)] if rows[0].host == kept));
        *self.rows.entry(kept).or_default().by_user.entry(user).or_default() += 1;
        self.seen.0 += 1;
    }

    fn full_disk(&mut self) {
        for command in self.handle(Event::PersistDue) {
            let Command::Store(failed) = command else { panic!("{command:?}") };
            let error = Some("disk full".to_owned());
            self.handle(Event::Stored(Stored { failed, error, ..Stored::default() }));
            assert!(self.engine.store_error().is_some());
        }
    }

    fn edit(&mut self) {
        self.persist();
        let path = self.dir.path().join("hosts.log");
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, text + "edited.example|cdn|2023-11-14 00:00:00\n").unwrap();
        self.rows.entry("edited.example").or_default().is_manual = true;
        // It is noticed by the next line that is to be written.
        self.engine.remove_host("new.example", now(self.second)).ok();
        self.engine.take_outbox(now(self.second));
        self.rows.entry("new.example").or_default().is_manual = true;
        self.engine.add_host("new.example", None, None, now(self.second)).unwrap();
        assert!(!self.engine.is_kept());
        self.persist();
    }

    /// The engine against the model.
    fn check(&self) {
        let open = HostFilter::default();
        let shown: BTreeMap<_, _> =
            self.engine.list_hosts(&open).into_iter().map(|row| (row.host.clone(), row)).collect();
        let names: Vec<_> = self.rows.keys().copied().collect();
        assert_eq!(shown.keys().collect::<Vec<_>>(), names);
        for (name, row) in &self.rows {
            assert_eq!(shown[*name].count, row.by_user.values().sum::<u64>(), "{name}");
        }
        for (index, user) in USERS.iter().enumerate() {
            let Some(user) = user else { continue };
            let filter = HostFilter { user: Some((*user).to_owned()), ..open.clone() };
            let counts: Vec<_> =
                self.engine.list_hosts(&filter).iter().map(|it| it.count).collect();
            let expected = self.rows.values().filter_map(|row| row.by_user.get(&index).copied());
            assert_eq!(counts, expected.collect::<Vec<_>>(), "{user}");
        }
        assert_eq!(self.engine.captures(), self.on);
    }

    /// The files against the model.
    fn check_files(&self) {
        let read = |name| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        let log = read("hosts.log");
        let mut logged: Vec<_> = log.lines().map(|line| line.split('|').next().unwrap()).collect();
        logged.sort_unstable();
        let names = self.rows.keys().copied().filter(|name| !name.contains('\\'));
        assert_eq!(logged, names.collect::<Vec<_>>(), "{log}");
        assert!(log.lines().all(|line| line.split('|').count() == 4), "{log}");
        let events = read("hosts.jsonl");
        for line in events.lines() {
            serde_json_line(line);
        }
        assert_eq!(events.lines().count(), self.seen.1);
    }
}

/// A whole object; the store's own parser reads it.
fn serde_json_line(line: &str) {
    assert!(crate::ledger::store::hosts::seen::parse(line.as_bytes()).is_some(), "{line}");
}

fn step() -> impl Strategy<Value = Step> {
    let (names, users) = (0..NAMES.len(), 0..USERS.len());
    prop_oneof![
        12 => (names.clone(), users).prop_map(|(name, user)| Step::See { name, user }),
        2 => names.clone().prop_map(Step::Add),
        3 => names.prop_map(Step::Remove),
        1 => Just(Step::Clear),
        1 => any::<bool>().prop_map(Step::Switch),
        4 => Just(Step::Persist),
        2 => Just(Step::FullDisk),
        2 => Just(Step::Kill),
        1 => Just(Step::Stop),
        1 => Just(Step::Edit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_history_loses_a_host_or_brings_one_back(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.step(&Step::Stop);
    }
}

#[test]
fn commands_are_refused_with_the_next_step() {
    let mut engine = engine();
    let settings = Settings { enabled: true, max_hosts: 1, max_flows: 64 };
    engine.open_hosts(settings, Restored::default(), Vec::new(), now(0));
    let mut add = |host: &str, service: Option<&str>| {
        engine.add_host(host, service.map(str::to_owned), None, now(0)).map_err(|it| it.to_string())
    };
    assert!(add("a b", None).unwrap_err().starts_with("\"a b\" is no host name; use"));
    assert!(add("", None).unwrap_err().contains("is no host name"));
    assert!(add("a", Some("x|y")).unwrap_err().starts_with("\"x|y\" is no service; use"));
    assert_eq!(add("A.", Some("ssh")), Ok(("a".to_owned(), true)));
    assert!(add("b", None).unwrap_err().contains("raise hosts.max_hosts"));
    let unknown = engine.remove_host("b", now(0)).unwrap_err();
    assert_eq!(unknown.to_string(), "no host \"b\"; `vpnmon-agent hosts list` lists all");
    assert_eq!(engine.list_hosts(&HostFilter::default())[0].service, "SSH");
}

#[test]
fn bytes_find_their_host() {
    let mut engine = engine();
    let settings = Settings { enabled: true, max_hosts: 100, max_flows: 64 };
    engine.open_hosts(settings, Restored::default(), Vec::new(), now(0));
    // Nobody's slot: the visit is nobody's too.
    let flow = 7 << 16;
    let heard = |flow| Heard {
        slot: 1000,
        at_ns: 0,
        direction: Direction::Egress,
        flow,
        source: ([127, 0, 0, 1], 1).into(),
        dest: ([127, 0, 0, 1], 53).into(),
        said: Said::Dns(b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01".to_vec()),
    };
    let moved = |flow, uplink| FlowMoved { flow, bytes: Bytes { uplink, downlink: 2 * uplink } };
    // Some of it before anybody knows where it goes; and another's.
    engine.handle(Event::Flows { moved: &[moved(flow, 1)], over: &[] }, now(0));
    engine.handle(Event::Heard(&[heard(flow)]), now(0));
    engine.handle(
        Event::Flows { moved: &[moved(flow, 2), moved(8 << 16 | 1, 4)], over: &[flow] },
        now(0),
    );
    let row = &engine.list_hosts(&HostFilter::default())[0];
    assert_eq!((row.uplink, row.downlink), (Some(3), Some(6)));
}

#[test]
fn losses_are_told_by_reason() {
    let mut engine = engine();
    let settings = Settings { enabled: true, max_hosts: 1, max_flows: 64 };
    engine.open_hosts(settings, Restored::default(), Vec::new(), now(0));
    for (reason, count) in [("slow-watcher", 5), ("ring-full", 7), ("ring-full", 1)] {
        engine.handle(Event::HostsLost { reason, count }, now(0));
    }
    for gap in [2, 1] {
        let gave_up = vec![("gap", gap), ("folded", 0)];
        engine.handle(Event::Unheard { gave_up, records: 2, rate_limited: 0 }, now(0));
    }
    let lost = engine.status(&crate::engine::status::Wanted::All, now(0)).unwrap().agent.lost;
    assert_eq!(lost.host_events, Some(12));
    assert_eq!(lost.host_reasons.len(), 2);
    assert_eq!((lost.host_flows_gave_up, lost.host_outer_names), (Some(3), Some(0)));
    let reasons = [("gap", 3), ("folded", 0)].map(|(why, count)| (why.to_owned(), count));
    assert_eq!(lost.host_flow_reasons, reasons.into());
}
