//! Histories: moves, restarts, reboots, days and users, against a model that only adds.

use std::{collections::BTreeMap, time::Duration};

use jiff::civil::Date;
use proptest::prelude::*;
use tempfile::TempDir;
use vpnmon_common::{owner::Owner, slot::FIRST_ACCOUNT_SLOT};

use super::{status::Wanted, *};
use crate::{
    event::{Claimed, Reading},
    ledger::store::Store,
    model::Bytes,
};

const PEOPLE: u32 = 3;
const FIRST_UID: u32 = 1001;

/// What one account should show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    bytes: Bytes,
    daily: u64,
    total: u64,
}

/// A kernel, a disk and the agent between them.
struct World {
    dir: TempDir,
    store: Store,
    engine: Engine,
    counters: BTreeMap<u32, Bytes>,
    boots: u32,
    day: Date,
    names: Vec<String>,
    shifted: bool,
    was_reset: bool,
    rows: BTreeMap<String, Row>,
    /// The rows as they were when everything was last written down.
    written: BTreeMap<String, Row>,
}

#[derive(Clone, Debug)]
enum Step {
    Move {
        who: u32,
        uplink: u64,
        downlink: u64,
    },
    Persist,
    Kill,
    Reboot,
    Day,
    /// Each name goes to the next uid, after a write.
    Shift,
    LoseSnapshot,
    Reset {
        who: u32,
    },
    /// The clock is set back over midnight, and right again.
    ClockBack,
}

impl Settings {
    /// Of the life `epoch`; what else a test wants to be different it says.
    pub fn of_tests(epoch: &str) -> Self {
        Self {
            usage: Usage::Uplink,
            max_accounts: 100,
            warn_percent: 80,
            ssh_action: crate::config::SshAction::Block,
            xray: crate::engine::XraySettings::default(),
            protect: Vec::new(),
            dry_run: false,
            keep_history: true,
            epoch: epoch.to_owned(),
            about: view::Agent::default(),
        }
    }
}

fn settings(boots: u32) -> Settings {
    Settings::of_tests(&format!("boot{boots}/1/uplink"))
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let day = Date::constant(2026, 11, 23);
        let names: Vec<_> = (0..PEOPLE).map(|n| format!("user{n}")).collect();
        let rows: BTreeMap<_, _> =
            names.iter().map(|name| (name.clone(), Row::default())).collect();
        let engine = Engine::new(settings(0), Users::default(), Restored::default(), at(day));
        let (counters, written) = (BTreeMap::new(), rows.clone());
        let mut world = Self {
            dir,
            store,
            engine,
            counters,
            boots: 0,
            day,
            names,
            shifted: false,
            was_reset: false,
            rows,
            written,
        };
        world.start();
        world
    }

    fn users(&self) -> Users {
        let lines = self.names.iter().zip(FIRST_UID..);
        let lines: Vec<_> =
            lines.map(|(name, uid)| format!("{name}:x:{uid}:{uid}::/home/{name}:")).collect();
        Users::parse(lines.join("\n").as_bytes(), (1000, 60000))
    }

    /// A new agent over what is on disk and in the kernel.
    fn start(&mut self) {
        self.store = Store::open(self.dir.path()).unwrap();
        let loaded = self.store.load(0).unwrap();
        assert_eq!(loaded.incidents, []);
        let day = self.day;
        let records = loaded.records.into_iter().map(|record| {
            let date = date_of(record.last_update);
            (record, date)
        });
        let restored = Restored { records: records.collect(), incidents: Vec::new() };
        self.engine = Engine::new(settings(self.boots), self.users(), restored, at(day));
        let claimed: Vec<_> = self.counters.keys().map(|uid| claim(*uid)).collect();
        let moved: Vec<_> = self
            .counters
            .iter()
            .map(|(uid, bytes)| Reading { slot: slot(*uid), bytes: *bytes, refused: 0 })
            .collect();
        self.handle(Event::Drained { claimed: &claimed, moved: &moved });
    }

    fn handle(&mut self, event: Event<'_>) -> Vec<Command> {
        self.engine.handle(event, at(self.day))
    }

    fn persist(&mut self) {
        self.engine.hurry();
        while !self.engine.is_settled() {
            for command in self.handle(Event::PersistDue) {
                let Command::Store(batch) = command else { panic!("{command:?}") };
                let stored = self.store.write(batch, 0);
                assert_eq!(stored.error, None);
                self.handle(Event::Stored(stored));
            }
        }
        self.written = self.rows.clone();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Move { who, uplink, downlink } => self.moves(*who, *uplink, *downlink),
            Step::Persist => self.persist(),
            Step::Kill => self.start(),
            Step::Reboot => {
                self.boots += 1;
                self.counters.clear();
                self.rows = self.written.clone();
                self.start();
            }
            Step::Day => {
                self.day = self.day.tomorrow().unwrap();
                self.rows.values_mut().for_each(|row| row.daily = 0);
                // Which day something moved on is only known to an agent that ran.
                self.handle(Event::Second);
                self.persist();
            }
            Step::Shift => {
                self.names.rotate_left(1);
                self.shifted = true;
                let users = self.users();
                self.handle(Event::Users(users));
                self.persist();
            }
            Step::Reset { who } => {
                let name = self.names[*who as usize].clone();
                self.engine.reset(&Wanted::Named(name.clone()), at(self.day)).unwrap();
                self.rows.insert(name, Row::default());
                self.was_reset = true;
                self.persist();
            }
            Step::ClockBack => {
                let today = self.day;
                self.day = today.yesterday().unwrap();
                self.handle(Event::Second);
                self.day = today;
                self.handle(Event::Second);
            }
            Step::LoseSnapshot => {
                // Only in an epoch without marks is the usage file alone exact in both directions.
                if self.boots == 0 && !self.shifted && !self.was_reset {
                    self.persist();
                    let _ = std::fs::remove_file(self.dir.path().join("ledger.json"));
                    self.start();
                    self.persist();
                }
            }
        }
    }

    fn moves(&mut self, who: u32, uplink: u64, downlink: u64) {
        let uid = FIRST_UID + who;
        let claimed: Vec<_> =
            if self.counters.contains_key(&uid) { vec![] } else { vec![claim(uid)] };
        let counter = self.counters.entry(uid).or_default();
        counter.uplink += uplink;
        counter.downlink += downlink;
        let moved = [Reading { slot: slot(uid), bytes: *counter, refused: 0 }];
        let row = self.rows.get_mut(&self.names[who as usize]).unwrap();
        row.bytes.uplink += uplink;
        row.bytes.downlink += downlink;
        row.daily += uplink;
        row.total += uplink;
        self.handle(Event::Drained { claimed: &claimed, moved: &moved });
    }

    fn check(&self) {
        let status = self.engine.status(&Wanted::All, at(self.day)).unwrap();
        for (name, row) in &self.rows {
            let shown = status.accounts.iter().find(|account| account.name == *name).unwrap();
            let bytes = Bytes { uplink: shown.uplink, downlink: shown.downlink };
            let got = Row { bytes, daily: shown.daily_usage, total: shown.total_usage };
            assert_eq!(got, *row, "{name}");
        }
        let sum: u64 = status.accounts.iter().map(|account| account.uplink).sum();
        assert_eq!(sum, self.rows.values().map(|row| row.bytes.uplink).sum::<u64>());
        for (_, account) in self.engine.ledger.iter() {
            let record = &account.record;
            if let Some(raw) = record.raw {
                assert_eq!(record.mark + record.last_stats, raw.uplink, "{record:?}");
            }
        }
    }
}

/// The test's seconds are days.
fn at(day: Date) -> Now {
    let days = (day - Date::constant(2026, 1, 1)).get_days();
    let unix_seconds = u64::try_from(days).unwrap();
    Now { unix_seconds, today: day, monotonic: Duration::ZERO }
}

fn date_of(unix_seconds: u64) -> Date {
    Date::constant(2026, 1, 1) + jiff::Span::new().days(i64::try_from(unix_seconds).unwrap())
}

fn slot(uid: u32) -> u32 {
    FIRST_ACCOUNT_SLOT + uid - FIRST_UID
}

fn claim(uid: u32) -> Claimed {
    Claimed { slot: slot(uid), owner: Owner::Uid(uid) }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..PEOPLE, 0u64..1 << 40, 0u64..1 << 40)
            .prop_map(|(who, uplink, downlink)| Step::Move { who, uplink, downlink }),
        2 => Just(Step::Persist),
        2 => Just(Step::Kill),
        1 => Just(Step::Reboot),
        1 => Just(Step::Day),
        1 => Just(Step::Shift),
        1 => Just(Step::LoseSnapshot),
        1 => Just(Step::ClockBack),
        1 => (0..PEOPLE).prop_map(|who| Step::Reset { who }),
    ]
}

proptest! {
    #[test]
    fn no_history_loses_or_doubles_a_byte(steps in prop::collection::vec(step(), 0..24)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
    }
}

fn names(world: &World) -> Vec<(String, Option<u32>, u64)> {
    let status = world.engine.status(&Wanted::All, at(world.day)).unwrap();
    let mut rows: Vec<_> = status
        .accounts
        .into_iter()
        .map(|account| {
            (format!("{}:{}", account.service, account.name), account.uid, account.uplink)
        })
        .collect();
    rows.sort();
    rows
}

fn row(name: &str, uid: u32, uplink: u64) -> (String, Option<u32>, u64) {
    (name.to_owned(), Some(uid), uplink)
}

/// One user, whose uid had traffic before it had a name.
#[test]
fn the_first_packets_of_a_new_user_are_the_users() {
    let mut world = World::new();
    world.names = vec!["user0".to_owned(), "user1".to_owned()];
    world.handle(Event::Drained {
        claimed: &[claim(1007)],
        moved: &[Reading { slot: slot(1007), bytes: Bytes { uplink: 9, downlink: 1 }, refused: 0 }],
    });
    assert!(names(&world).contains(&row("system:uid:1007", 1007, 9)));
    world.names = (0..7).map(|n| format!("user{n}")).collect();
    let users = world.users();
    world.handle(Event::Users(users));
    assert!(names(&world).contains(&row("ssh:user6", 1007, 9)), "{:?}", names(&world));
    assert!(!names(&world).iter().any(|(name, ..)| name == "system:uid:1007"));
}

#[test]
fn a_new_user_with_an_old_uid_starts_at_zero() {
    let mut world = World::new();
    world.moves(0, 100, 0);
    world.names[0] = "mary".to_owned();
    let users = world.users();
    world.handle(Event::Users(users));
    world.rows.insert("mary".to_owned(), Row::default());
    world.moves(0, 7, 0);
    let rows = names(&world);
    assert!(rows.contains(&("ssh:user0".to_owned(), None, 100)), "{rows:?}");
    assert!(rows.contains(&row("ssh:mary", 1001, 7)), "{rows:?}");

    // Deleted, its sockets live on, then the uid is somebody else's.
    world.names[0] = String::new();
    let users = world.users();
    world.handle(Event::Users(users));
    world.handle(Event::Drained {
        claimed: &[],
        moved: &[Reading {
            slot: slot(1001),
            bytes: Bytes { uplink: 110, downlink: 0 },
            refused: 0,
        }],
    });
    world.names[0] = "eve".to_owned();
    let users = world.users();
    world.handle(Event::Users(users));
    let rows = names(&world);
    assert!(rows.contains(&row("ssh:eve", 1001, 0)), "{rows:?}");
    assert!(rows.contains(&("system:uid:1001".to_owned(), None, 3)), "{rows:?}");
}

#[test]
fn a_disk_that_fails_keeps_nothing_back() {
    let mut world = World::new();
    world.moves(0, 100, 0);
    let commands = world.handle(Event::PersistDue);
    let Some(Command::Store(batch)) = commands.into_iter().next() else { panic!("nothing due") };
    let failed = crate::event::Stored {
        failed: batch,
        error: Some("disk full".to_owned()),
        ..crate::event::Stored::default()
    };
    let warned = world.handle(Event::Stored(failed));
    assert!(matches!(warned.as_slice(), [Command::Warn(text)] if text.contains("disk full")));
    assert!(world.engine.store_error().is_some());
    world.persist();
    let later = |seconds| Now { monotonic: Duration::from_secs(seconds), ..at(world.day) };
    assert_eq!(world.engine.handle(Event::Second, later(1)), []);
    assert!(world.engine.store_error().is_some());
    let told = world.engine.handle(Event::Second, later(5));
    assert!(matches!(told.as_slice(), [Command::Warn(text)] if text.contains("again")));
    assert!(world.engine.store_error().is_none());
    world.persist();
    world.start();
    world.check();
}

#[test]
fn an_unknown_and_an_ambiguous_name_are_refused() {
    use super::status::NoAnswer;
    let mut world = World::new();
    world.handle(Event::Drained {
        claimed: &[Claimed { slot: 0, owner: Owner::Unattributed }],
        moved: &[Reading { slot: 0, bytes: Bytes { uplink: 0, downlink: 40 }, refused: 0 }],
    });
    let ask = |name: &str| world.engine.status(&Wanted::Named(name.to_owned()), at(world.day));
    assert_eq!(ask("user0").unwrap().accounts.len(), 1);
    assert_eq!(ask("ssh:user0").unwrap().accounts.len(), 1);
    assert_eq!(ask("system:unattributed").unwrap().accounts.len(), 1);
    assert!(matches!(ask("nobody"), Err(NoAnswer::Unknown(_))));
    assert!(matches!(ask("system:user0"), Err(NoAnswer::Unknown(_))));
}

/// Every day has traffic, restarts and a reboot now and then; the clock runs through both changes
/// of DST, a leap day, and a month in which the agent does not run.
#[test]
fn a_year_in_seconds() {
    let mut world = World::new();
    let mut total = 0;
    for day in 0..366u64 {
        let agent_runs = !(100..130).contains(&day);
        for hour in 0..24 {
            let bytes = 1 + day * 24 + hour;
            total += bytes;
            if agent_runs {
                world.moves(0, bytes, 2 * bytes);
            } else {
                let counter = world.counters.get_mut(&FIRST_UID).unwrap();
                counter.uplink += bytes;
                counter.downlink += 2 * bytes;
                let row = world.rows.get_mut("user0").unwrap();
                row.bytes.uplink += bytes;
                row.bytes.downlink += 2 * bytes;
                row.total += bytes;
            }
        }
        if agent_runs {
            world.check();
            if day % 7 == 0 {
                world.persist();
                world.step(&Step::Reboot);
            } else {
                world.step(&Step::Kill);
            }
        }
        world.day = world.day.tomorrow().unwrap();
        if agent_runs {
            world.rows.values_mut().for_each(|row| row.daily = 0);
            world.handle(Event::Second);
            world.persist();
        } else if day == 129 {
            // What the kernel counted meanwhile is booked on the day the agent is back.
            let before = world.rows["user0"].daily;
            world.start();
            let status = world.engine.status(&Wanted::All, at(world.day)).unwrap();
            let row = status.accounts.iter().find(|row| row.name == "user0").unwrap();
            world.rows.get_mut("user0").unwrap().daily = row.daily_usage;
            assert!(row.daily_usage > before);
        }
    }
    assert_eq!(world.rows["user0"].total, total);
    world.check();
}

#[test]
fn an_import_is_taken_once() {
    use super::import::Taken;
    use crate::model::{Imported, Service};
    let mut world = World::new();
    world.moves(0, 100, 0);
    let account = |name: &str, service, used| Imported {
        service,
        name: name.to_owned(),
        total_limit: Some(1 << 30),
        daily_limit: None,
        used: Some(used),
        daily_used: Some((world.day, 5)),
        is_disabled: false,
    };
    let files = [
        account("user0", Some(Service::Ssh), 1000),
        account("user1", None, 7),
        account("nobody", None, 7),
        account("bob", Some(Service::Vless), 9),
    ];
    let now = at(world.day);
    let taken = world.engine.import(&files, now);
    assert_eq!(taken, Taken { changed: 3, unchanged: 0, unknown: 1 });
    let total = |world: &World, name: &str| {
        let status = world.engine.status(&Wanted::Named(name.to_owned()), now).unwrap();
        (status.accounts[0].total_usage, status.accounts[0].daily_usage)
    };
    assert_eq!(total(&world, "user0"), (1100, 105));
    assert_eq!(total(&world, "vless:bob"), (9, 5));
    assert_eq!(world.engine.import(&files, now), Taken { changed: 0, unchanged: 3, unknown: 1 });
    // After a reset and another limit the same files bring nothing back, and a panel that goes on
    // brings what is new.
    world.engine.reset(&Wanted::Named("user0".to_owned()), now).unwrap();
    let limits = super::people::Limits { total: Some(5), daily: None };
    world.engine.limit("user0", limits, &[], now).unwrap();
    assert_eq!(world.engine.import(&files, now), Taken { changed: 0, unchanged: 3, unknown: 1 });
    assert_eq!(total(&world, "user0"), (0, 0));
    let more = [account("user0", Some(Service::Ssh), 1030)];
    world.engine.import(&more, now);
    assert_eq!(total(&world, "user0"), (30, 0));
    let status = world.engine.status(&Wanted::Named("user0".to_owned()), now).unwrap();
    assert_eq!(status.accounts[0].total_limit, 5);
}
