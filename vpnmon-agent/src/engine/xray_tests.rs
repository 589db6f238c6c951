//! Histories of Xray and the agent: restarts of either, counters that somebody resets, an API that
//! stands still. Nothing is booked twice, and only what no poll has seen is lost.

use jiff::civil::Date;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    engine::{Restored, Settings, status::Wanted},
    event::Event,
    ledger::store::Store,
    model::Usage,
    users::Users,
    view,
};

const DAY: Date = Date::constant(2026, 11, 23);
const NAMES: [&str; 3] = ["bob", "al>>>ice", "tro"];

fn settings(usage: Usage) -> Settings {
    Settings {
        usage,
        protect: vec!["admin".to_owned()],
        ..Settings::of_tests(&format!("boot/1/{}", usage.word()))
    }
}

fn at(seconds: u64) -> Now {
    Now { unix_seconds: seconds, today: DAY, monotonic: Duration::from_secs(seconds) }
}

/// Xray, a disk, and the agent between them.
struct World {
    dir: TempDir,
    store: Store,
    engine: Engine,
    usage: Usage,
    now: u64,
    started: u64,
    services: BTreeMap<String, Service>,
    counters: BTreeMap<String, Bytes>,
    told: BTreeMap<String, Bytes>,
    is_first: bool,
    process: Option<(u32, u64)>,
    /// Whom the source keeps out.
    out: Vec<String>,
    commands: Vec<Command>,
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let usage = Usage::Uplink;
        let engine = Engine::new(settings(usage), Users::default(), Restored::default(), at(0));
        let services = NAMES.iter().map(|name| ((*name).to_owned(), Service::Vless)).collect();
        let (counters, told) = (BTreeMap::new(), BTreeMap::new());
        let mut world = Self {
            dir,
            store,
            engine,
            usage,
            now: 100,
            started: 100,
            services,
            counters,
            told,
            is_first: true,
            process: None,
            out: Vec::new(),
            commands: Vec::new(),
        };
        world.configure();
        world.poll();
        world.persist();
        world
    }

    fn handle(&mut self, event: Event<'_>) {
        let commands = self.engine.handle(event, at(self.now));
        self.commands.extend(commands);
    }

    fn configure(&mut self) {
        self.handle(Event::Xray(XrayEvent::Users(self.services.clone())));
    }

    fn moves(&mut self, name: &str, uplink: u64, downlink: u64) {
        let counter = self.counters.entry(name.to_owned()).or_default();
        counter.uplink += uplink;
        counter.downlink += downlink;
    }

    fn poll(&mut self) {
        self.now += 1;
        let is_first = std::mem::take(&mut self.is_first);
        let moved = self.counters.iter().filter(|(name, now)| self.told.get(*name) != Some(now));
        let counters = moved.map(|(name, bytes)| (name.as_str().into(), *bytes)).collect();
        self.told = self.counters.clone();
        // An estimate is up to a second off.
        let started = Some(self.started + self.now % 2);
        self.handle(Event::Xray(XrayEvent::Counted(Counted {
            started,
            process: self.process,
            is_first,
            counters,
        })));
    }

    fn connect(&mut self) {
        self.is_first = true;
        self.told.clear();
    }

    fn restart_xray(&mut self) {
        self.now += 10;
        self.started = self.now;
        self.counters.clear();
        self.connect();
    }

    fn persist(&mut self) {
        self.engine.hurry();
        while !self.engine.is_settled() {
            for command in self.engine.handle(Event::PersistDue, at(self.now)) {
                let Command::Store(batch) = command else { panic!("{command:?}") };
                let stored = self.store.write(batch, self.now);
                assert_eq!(stored.error, None);
                self.engine.handle(Event::Stored(stored), at(self.now));
            }
        }
    }

    /// A new agent over what is on disk.
    fn start(&mut self) {
        self.store = Store::open(self.dir.path()).unwrap();
        let loaded = self.store.load(0).unwrap();
        assert_eq!(loaded.incidents, []);
        let records = loaded.records.into_iter().map(|record| (record, DAY)).collect();
        let restored = Restored { records, incidents: Vec::new() };
        self.engine = Engine::new(settings(self.usage), Users::default(), restored, at(self.now));
        self.handle(Event::Xray(XrayEvent::Out(self.out.clone())));
        self.configure();
        self.connect();
    }

    fn orders(&mut self) -> Vec<Command> {
        self.engine.take_outbox(at(self.now))
    }

    fn row(&self, name: &str) -> Option<view::Account> {
        let status = self.engine.status(&Wanted::Named(name.to_owned()), at(self.now));
        status.ok()?.accounts.pop()
    }

    fn bytes(&self, name: &str) -> Bytes {
        let row = self.row(name);
        row.map_or(Bytes::default(), |it| Bytes { uplink: it.uplink, downlink: it.downlink })
    }
}

#[derive(Clone, Debug)]
enum Step {
    Move {
        who: usize,
        uplink: u64,
        downlink: u64,
    },
    Poll,
    RestartXray,
    Reconnect,
    KillAgent,
    Persist,
    /// Somebody sets the counters of a user to 0, or one of them.
    OthersReset {
        who: usize,
        uplink: bool,
        downlink: bool,
    },
    OtherUsage,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..NAMES.len();
    let step = prop_oneof![
        6 => (who.clone(), 0..1000u64, 0..1000u64)
            .prop_map(|(who, uplink, downlink)| Step::Move { who, uplink, downlink }),
        5 => Just(Step::Poll),
        1 => Just(Step::RestartXray),
        1 => Just(Step::Reconnect),
        1 => Just(Step::KillAgent),
        1 => Just(Step::Persist),
        1 => (who, any::<bool>(), any::<bool>())
            .prop_map(|(who, uplink, downlink)| Step::OthersReset { who, uplink, downlink }),
        1 => Just(Step::OtherUsage),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_loses_or_doubles_a_byte(steps in steps()) {
        let mut world = World::new();
        // What was moved, without what no poll had seen when a counter went back to 0.
        let mut due = BTreeMap::<String, Bytes>::new();
        let mut unseen = BTreeMap::<String, Bytes>::new();
        for step in steps {
            match step {
                Step::Move { who, uplink, downlink } => {
                    let name = NAMES[who];
                    world.moves(name, uplink, downlink);
                    let moved = unseen.entry(name.to_owned()).or_default();
                    moved.uplink += uplink;
                    moved.downlink += downlink;
                }
                Step::Poll => world.poll(),
                Step::RestartXray => {
                    world.persist();
                    world.restart_xray();
                    unseen.clear();
                }
                Step::Reconnect => world.connect(),
                // With what it had not yet written, which Xray still has.
                Step::KillAgent => {
                    world.start();
                    world.poll();
                }
                Step::Persist => world.persist(),
                Step::OthersReset { who, uplink, downlink } => {
                    world.poll();
                    world.persist();
                    let counter = world.counters.entry(NAMES[who].to_owned()).or_default();
                    if uplink { counter.uplink = 0; }
                    if downlink { counter.downlink = 0; }
                    world.poll();
                    world.persist();
                }
                Step::OtherUsage => {
                    world.persist();
                    world.usage = if world.usage == Usage::Uplink { Usage::Both } else { Usage::Uplink };
                    world.start();
                    world.poll();
                }
            }
            let is_polled = !matches!(
                step,
                Step::Move { .. } | Step::RestartXray | Step::Reconnect | Step::Persist
            );
            if is_polled {
                for (name, bytes) in std::mem::take(&mut unseen) {
                    let total = due.entry(name).or_default();
                    total.uplink += bytes.uplink;
                    total.downlink += bytes.downlink;
                }
                for name in NAMES {
                    prop_assert_eq!(world.bytes(name), due.get(name).copied().unwrap_or_default(), "{}", name);
                }
            }
        }
        for (_, account) in world.engine.ledger.iter() {
            let record = &account.record;
            prop_assert_eq!(record.total_usage(), record.baseline_usage + record.last_stats);
        }
    }
}

#[test]
fn a_restart_within_a_second_is_told_by_the_process() {
    let mut world = World::new();
    for (pid, due) in [(7, 500), (8, 1000), (9, 1500)] {
        world.process = Some((pid, 1));
        world.counters.clear();
        world.connect();
        world.moves("bob", 500, 0);
        world.poll();
        assert_eq!(world.bytes("bob").uplink, due);
        // The same for an agent that goes on.
        world.persist();
        world.start();
        world.poll();
        assert_eq!(world.bytes("bob").uplink, due);
    }
}

#[test]
fn what_moved_before_vpnmon_came_is_not_counted() {
    let mut world = World::new();
    world.engine =
        Engine::new(settings(Usage::Uplink), Users::default(), Restored::default(), at(0));
    world.moves("bob", 500, 600);
    world.configure();
    world.connect();
    world.poll();
    assert_eq!(world.bytes("bob"), Bytes::default());
    world.moves("bob", 1, 2);
    world.poll();
    assert_eq!(world.bytes("bob"), Bytes { uplink: 1, downlink: 2 });
}

#[test]
fn the_counter_of_a_removed_user_does_not_come_back() {
    let mut world = World::new();
    world.moves("bob", 500, 600);
    world.poll();
    world.services.remove("bob");
    world.configure();
    for _ in 0..10 {
        world.poll();
        world.handle(Event::Second);
    }
    assert_eq!(world.row("bob").map(|row| row.uplink), None);
    // Nor after the agent or the connection is another.
    world.persist();
    for _ in 0..2 {
        world.connect();
        world.poll();
        assert_eq!(world.row("bob").map(|row| row.uplink), None);
        world.start();
    }
    // Unless its bearer is still there.
    world.poll();
    world.moves("bob", 7, 0);
    world.poll();
    assert_eq!(world.bytes("bob"), Bytes { uplink: 7, downlink: 0 });
}

#[test]
fn a_user_of_the_api_alone_is_an_account() {
    let mut world = World::new();
    world.moves("api", 500, 600);
    world.poll();
    let row = world.row("api").unwrap();
    assert_eq!((row.service, row.uplink, row.unit.as_str()), (Service::Xray, 500, "payload"));
    for _ in 0..20 {
        world.poll();
        world.handle(Event::Second);
    }
    assert_eq!(world.bytes("api").uplink, 500);
}

#[test]
fn another_protocol_is_the_same_user() {
    let mut world = World::new();
    world.moves("bob", 500, 600);
    world.poll();
    for service in [Service::Xray, Service::Trojan] {
        world.services.insert("bob".to_owned(), service);
        world.configure();
        let row = world.row("bob").unwrap();
        assert_eq!((row.service, row.uplink), (service, 500));
    }
}

#[test]
fn an_api_that_does_not_answer_is_unknown_and_not_zero() {
    let mut world = World::new();
    world.moves("bob", 500, 600);
    world.poll();
    world.handle(Event::Second);
    world.now += 1;
    world.handle(Event::Second);
    assert_eq!(world.row("bob").unwrap().uplink_bps, Some(0));
    world.handle(Event::Xray(XrayEvent::Down("gone".to_owned())));
    let row = world.row("bob").unwrap();
    assert_eq!((row.uplink, row.uplink_bps), (500, None));
    assert!(matches!(world.commands.last(), Some(Command::Warn(text)) if text.contains("gone")));
    world.handle(Event::Xray(XrayEvent::Up));
    assert_eq!(world.row("bob").unwrap().uplink_bps, Some(0));
}

fn limit(world: &mut World, name: &str, bytes: u64) {
    let limits = crate::engine::people::Limits { daily: None, total: Some(bytes) };
    world.engine.limit(name, limits, &[], at(world.now)).unwrap();
}

#[test]
fn who_is_over_the_limit_is_taken_out_once_and_comes_back() {
    let mut world = World::new();
    limit(&mut world, "bob", 1000);
    world.moves("bob", 999, 600);
    world.poll();
    assert_eq!(world.commands, []);
    world.moves("bob", 1, 0);
    world.poll();
    world.poll();
    world.handle(Event::Second);
    assert_eq!(world.commands, [Command::XrayRemove("bob".to_owned())]);
    // Another agent knows who is out, and has nobody taken out or put back for nothing.
    world.persist();
    world.commands.clear();
    world.out = vec!["bob".to_owned()];
    world.start();
    world.poll();
    world.handle(Event::Second);
    assert_eq!(world.commands, []);
    limit(&mut world, "bob", 2000);
    assert_eq!(world.orders(), [Command::XrayRestore("bob".to_owned())]);
    assert_eq!(world.orders(), []);
}

#[test]
fn resets_and_days_bring_users_back_and_protected_ones_stay() {
    let mut world = World::new();
    limit(&mut world, "bob", 1000);
    world.moves("bob", 1000, 0);
    world.poll();
    world.engine.reset(&Wanted::Named("bob".to_owned()), at(world.now)).unwrap();
    assert_eq!(world.orders(), [Command::XrayRestore("bob".to_owned())]);
    world.services.insert("admin".to_owned(), Service::Vmess);
    world.configure();
    let id = world.engine.xray_account("admin").unwrap();
    world.engine.ledger.amend(id, |record| record.is_disabled = true);
    assert_eq!(world.orders(), []);
}
