//! Histories of limits against a kernel that holds what it was told, packet by packet.

use std::collections::BTreeMap;

use jiff::civil::Date;
use proptest::prelude::*;
use vpnmon_common::{limit::fits, owner::Owner, slot::FIRST_ACCOUNT_SLOT};

use super::*;
use crate::{
    engine::{Restored, Settings, people},
    event::{Claimed, Event, Reading},
    model::Bytes,
    users::Users,
};

const PEOPLE: u32 = 2;
const FIRST_UID: u32 = 1001;

/// A slot in the kernel.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    bytes: Bytes,
    refused: u64,
    limit: Option<Limit>,
}

/// What has happened to one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Account {
    daily_limit: u64,
    total_limit: u64,
    daily_used: u64,
    total_used: u64,
    is_cut: bool,
}

struct World {
    engine: Engine,
    kernel: BTreeMap<u32, Slot>,
    accounts: Vec<Account>,
    day: Date,
    boots: u32,
    is_alive: bool,
    dry_run: bool,
    /// Events of engines before this one.
    told: Vec<Kind>,
    /// The uids whose slots this engine knows.
    claimed: BTreeSet<u32>,
    /// Those whose limits it has told of.
    told_of: BTreeSet<u32>,
}

#[derive(Clone, Debug)]
enum Step {
    Send { who: u32, uplink: u64 },
    Receive { who: u32 },
    Limit { who: u32, daily: u64, total: u64 },
    Reset { who: u32 },
    Day,
    Kill,
    Start,
    Reboot,
}

fn at(day: Date) -> Now {
    Now { unix_seconds: 0, today: day, monotonic: std::time::Duration::ZERO }
}

fn engine(restored: Restored, boots: u32, day: Date, dry_run: bool) -> Engine {
    let settings = Settings {
        protect: vec!["saint".to_owned()],
        dry_run,
        ..Settings::of_tests(&format!("boot{boots}"))
    };
    let lines = ["user0:x:1001:1001::/:", "user1:x:1002:1002::/:", "saint:x:1003:1003::/:"];
    let users = Users::parse(lines.join("\n").as_bytes(), (1000, 60_000));
    let mut engine = Engine::new(settings, users, restored, at(day));
    engine.arm();
    engine
}

impl World {
    fn new(dry_run: bool) -> Self {
        let day = Date::constant(2026, 11, 24);
        let engine = engine(Restored::default(), 0, day, dry_run);
        let accounts = vec![Account::default(); PEOPLE as usize];
        let kernel = BTreeMap::new();
        let mut world = Self {
            engine,
            kernel,
            accounts,
            day,
            boots: 0,
            is_alive: true,
            dry_run,
            told: Vec::new(),
            claimed: BTreeSet::new(),
            told_of: BTreeSet::new(),
        };
        world.drain();
        world
    }

    fn slot(&mut self, who: u32) -> &mut Slot {
        self.kernel.entry(FIRST_UID + who).or_default()
    }

    /// One packet. The kernel judges it, and so does the model.
    fn packet(&mut self, who: u32, uplink: u64, downlink: u64) {
        let slot = self.slot(who);
        let (used, limit) = (slot.bytes.uplink, slot.limit);
        let passes = limit.is_none_or(|it| !it.is_cut && fits(used, uplink, it.allowed_bytes));
        if passes {
            slot.bytes.uplink += uplink;
            slot.bytes.downlink += downlink;
        } else {
            slot.refused += 1;
            slot.limit = limit.map(|it| Limit { is_cut: true, ..it });
        }
        let account = &mut self.accounts[who as usize];
        let has_room = |used: u64, limit: u64| limit == 0 || fits(used, uplink, limit);
        let fits = has_room(account.daily_used, account.daily_limit)
            && has_room(account.total_used, account.total_limit)
            && !account.is_cut;
        assert_eq!(passes, fits, "{account:?} {slot:?}", slot = self.kernel[&(FIRST_UID + who)]);
        if passes {
            account.daily_used += uplink;
            account.total_used += uplink;
        } else {
            account.is_cut = true;
        }
        if self.is_alive {
            self.drain();
        }
    }

    fn drain(&mut self) {
        let index = |uid: u32| FIRST_ACCOUNT_SLOT + uid - FIRST_UID;
        let claim = |uid: &u32| Claimed { slot: index(*uid), owner: Owner::Uid(*uid) };
        let new = self.kernel.keys().filter(|uid| !self.claimed.contains(*uid));
        let claimed: Vec<_> = new.map(claim).collect();
        self.claimed.extend(self.kernel.keys());
        let moved = self.kernel.iter().map(|(uid, slot)| Reading {
            slot: index(*uid),
            bytes: slot.bytes,
            refused: slot.refused,
        });
        let moved: Vec<_> = moved.collect();
        self.happened(Event::Drained { claimed: &claimed, moved: &moved });
    }

    fn happened(&mut self, event: Event<'_>) {
        let commands = self.engine.handle(event, at(self.day));
        self.carry_out(commands);
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            let Command::Limit { counter: Counter::Uid(uid), limit } = command else {
                panic!("{command:?}")
            };
            let slot = self.kernel.entry(uid).or_default();
            let is_first = self.told_of.insert(uid);
            let there = slot.limit.filter(|_| is_first);
            if there.is_some() && there == limit.map(|it| Limit { is_cut: true, ..it }) {
                if limit != there {
                    self.happened(Event::WasRefused(Counter::Uid(uid)));
                }
            } else {
                slot.limit = limit;
            }
        }
    }

    fn start(&mut self, boots: u32) {
        let records = self.engine.records().into_iter().map(|record| (record, self.day));
        let restored = Restored { records: records.collect(), incidents: Vec::new() };
        self.told.extend(self.engine.persist.kinds());
        self.engine = engine(restored, boots, self.day, self.dry_run);
        self.is_alive = true;
        self.claimed.clear();
        self.told_of.clear();
        self.drain();
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { who, uplink } => self.packet(who, uplink, 0),
            Step::Receive { who } => self.packet(who, 0, 1),
            Step::Kill => self.is_alive = false,
            Step::Start => self.start(self.boots),
            // What needs the agent waits for it.
            _ if !self.is_alive => {}
            Step::Limit { who, daily, total } => {
                let limits = people::Limits { daily: Some(daily), total: Some(total) };
                self.engine.limit(&format!("user{who}"), limits, &[], at(self.day)).unwrap();
                let account = &mut self.accounts[who as usize];
                let before = threshold(account);
                (account.daily_limit, account.total_limit) = (daily, total);
                account.is_cut &= threshold(account) == before;
            }
            Step::Reset { who } => {
                let wanted = crate::engine::status::Wanted::Named(format!("user{who}"));
                self.engine.reset(&wanted, at(self.day)).unwrap();
                let account = &mut self.accounts[who as usize];
                (account.daily_used, account.total_used, account.is_cut) = (0, 0, false);
            }
            Step::Day => {
                self.day = self.day.tomorrow().unwrap();
                for account in &mut self.accounts {
                    let before = threshold(account);
                    account.daily_used = 0;
                    account.is_cut &= threshold(account) == before;
                }
                self.happened(Event::Second);
            }
            Step::Reboot => {
                self.boots += 1;
                self.kernel.clear();
                self.start(self.boots);
            }
        }
        let commands = self.engine.take_outbox(at(self.day));
        self.carry_out(commands);
    }
}

/// The total usage at which it ends.
fn threshold(account: &Account) -> Option<i128> {
    let [daily_limit, total_limit] = [account.daily_limit, account.total_limit].map(i128::from);
    let since = i128::from(account.total_used) - i128::from(account.daily_used);
    let daily = (daily_limit != 0).then_some(since + daily_limit);
    daily.into_iter().chain((total_limit != 0).then_some(total_limit)).min()
}

fn step() -> impl Strategy<Value = Step> {
    let limit = || prop_oneof![Just(0), 0..3000_u64];
    prop_oneof![
        12 => (0..PEOPLE, 1..1500_u64).prop_map(|(who, uplink)| Step::Send { who, uplink }),
        4 => (0..PEOPLE).prop_map(|who| Step::Receive { who }),
        3 => (0..PEOPLE, limit(), limit())
            .prop_map(|(who, daily, total)| Step::Limit { who, daily, total }),
        2 => (0..PEOPLE).prop_map(|who| Step::Reset { who }),
        1 => Just(Step::Day),
        1 => Just(Step::Kill),
        2 => Just(Step::Start),
        1 => Just(Step::Reboot),
    ]
}

proptest! {
    /// The packet that would exceed is refused, and all after it until the threshold moves; none
    /// else is.
    #[test]
    fn no_history_lets_a_byte_too_many_pass(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new(false);
        for step in &steps {
            world.step(step);
        }
    }
}

#[test]
fn each_crossing_is_told_once() {
    let mut world = World::new(false);
    world.step(&Step::Limit { who: 0, daily: 0, total: 1000 });
    for uplink in [700, 100, 100, 100, 1, 1] {
        world.step(&Step::Send { who: 0, uplink });
    }
    world.step(&Step::Start);
    world.step(&Step::Reset { who: 0 });
    world.step(&Step::Send { who: 0, uplink: 1 });
    let told = [world.told, world.engine.persist.kinds()].concat();
    assert_eq!(
        told,
        [
            Kind::LimitSet,
            Kind::Warning,
            Kind::Exceeded,
            Kind::Blocked,
            Kind::Reset,
            Kind::Unblocked
        ]
    );
}

#[test]
fn a_protected_account_is_spared_and_a_dry_run_spares_all() {
    let mut world = World::new(true);
    world.step(&Step::Limit { who: 0, daily: 0, total: 100 });
    assert_eq!(world.slot(0).limit, None);
    let limits = people::Limits { daily: None, total: Some(5) };
    let refused = world.engine.limit("saint", limits, &[], at(world.day));
    assert!(refused.is_err(), "{refused:?}");
}
