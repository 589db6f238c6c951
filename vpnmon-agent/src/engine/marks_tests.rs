//! Histories of Xray, the kernel and the agent: marks come and go with Xray's processes and with the
//! mode. Whichever counter is an account's, its bytes are all that its user has moved.

use std::sync::Arc;

use jiff::civil::Date;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    config::XrayAction,
    engine::{Restored, Settings, XraySettings, status::Wanted},
    event::{Claimed, Counter, Event, Reading},
    ledger::store::Store,
    model::{Service, Usage},
    users::Users,
    view,
    xray::{Counted, XrayEvent},
};

const DAY: Date = Date::constant(2026, 11, 23);
const NAMES: [&str; 2] = ["bob", "al"];
const FIRST_SLOT: u32 = 1024;

fn at(seconds: u64) -> Now {
    Now { unix_seconds: seconds, today: DAY, monotonic: Duration::from_secs(seconds) }
}

fn settings(mode: XrayMode) -> Settings {
    Settings {
        usage: Usage::Both,
        xray: XraySettings { mode, action: XrayAction::Remove },
        ..Settings::of_tests("boot/1/both")
    }
}

const fn mark(who: usize) -> u32 {
    0x7670_0001 + if who == 0 { 0 } else { 1 }
}

/// Xray, the kernel, a disk, and the agent between them.
struct World {
    dir: TempDir,
    store: Store,
    engine: Engine,
    mode: XrayMode,
    now: u64,
    process: u32,
    /// Whether the process has marks in its config.
    is_marked: bool,
    api: [Bytes; 2],
    is_first: bool,
    /// Marks that the kernel counts, and its slots, from [`FIRST_SLOT`] on.
    marks: HashMap<u32, usize>,
    slots: Vec<(Owner, Bytes)>,
    claimed: usize,
    read: Vec<Bytes>,
    /// All orders but those to the kernel.
    commands: Vec<Command>,
}

impl World {
    fn new(mode: XrayMode, is_marked: bool) -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let engine = Engine::new(settings(mode), Users::default(), Restored::default(), at(0));
        let mut world = Self {
            dir,
            store,
            engine,
            mode,
            now: 100,
            process: 7,
            is_marked,
            api: [Bytes::default(); 2],
            is_first: true,
            marks: HashMap::new(),
            slots: Vec::new(),
            claimed: 0,
            read: Vec::new(),
            commands: Vec::new(),
        };
        world.engine.arm();
        world.begin(false);
        world
    }

    fn handle(&mut self, event: Event<'_>) {
        let commands = self.engine.handle(event, at(self.now));
        for command in commands {
            match command {
                Command::Mark(mark) => {
                    let next = self.slots.len();
                    if *self.marks.entry(mark).or_insert(next) == next {
                        self.slots.push((Owner::Mark(mark), Bytes::default()));
                    }
                }
                Command::Unmark(mark) => {
                    if let Some(slot) = self.marks.remove(&mark) {
                        self.slots[slot].0 = Owner::FormerMark(mark);
                    }
                }
                command => self.commands.push(command),
            }
        }
    }

    /// The source has come to know what runs.
    fn begin(&mut self, is_fresh: bool) {
        let users = NAMES.map(|name| (name.to_owned(), Service::Vless));
        self.handle(Event::Xray(XrayEvent::Users(users.into())));
        self.tell_marks(is_fresh);
        self.poll();
        self.drain();
    }

    fn tell_marks(&mut self, is_fresh: bool) {
        let all = NAMES.iter().enumerate().map(|(who, name)| ((*name).to_owned(), mark(who)));
        let marks = if self.is_marked { all.collect() } else { BTreeMap::new() };
        let (is_seen, is_certain, problem) = (true, true, None);
        let news = XrayEvent::Marks { marks, is_seen, is_fresh, is_certain, problem };
        self.handle(Event::Xray(news));
    }

    fn moves(&mut self, who: usize, uplink: u64, downlink: u64) {
        let by = |bytes: &mut Bytes| {
            bytes.uplink += uplink;
            bytes.downlink += downlink;
        };
        by(&mut self.api[who]);
        if let Some(slot) = self.marks.get(&mark(who)).filter(|_| self.is_marked) {
            by(&mut self.slots[*slot].1);
        }
    }

    fn poll(&mut self) {
        self.now += 1;
        let named = NAMES.iter().zip(self.api).filter(|(_, bytes)| *bytes != Bytes::default());
        let counters = named.map(|(name, bytes)| (Arc::from(*name), bytes)).collect();
        let process = Some((self.process, 1));
        let is_first = std::mem::take(&mut self.is_first);
        let counted = Counted { started: None, process, is_first, counters };
        self.handle(Event::Xray(XrayEvent::Counted(counted)));
    }

    fn drain(&mut self) {
        let new = self.claimed..self.slots.len();
        self.claimed = self.slots.len();
        self.read.resize(self.slots.len(), Bytes::default());
        let slot = |index: usize| FIRST_SLOT + u32::try_from(index).unwrap();
        let claim = |index| Claimed { slot: slot(index), owner: self.slots[index].0 };
        let claimed: Vec<_> = new.map(claim).collect();
        let moved = (0..self.slots.len()).filter(|index| self.read[*index] != self.slots[*index].1);
        let reading =
            |index: usize| Reading { slot: slot(index), bytes: self.slots[index].1, refused: 0 };
        let moved: Vec<_> = moved.map(reading).collect();
        self.read = self.slots.iter().map(|(_, bytes)| *bytes).collect();
        self.handle(Event::Drained { claimed: &claimed, moved: &moved });
    }

    /// Another process, with marks or without; of its news one or the other comes first.
    fn restart_xray(&mut self, is_marked: bool, marks_first: bool, moved: u64) {
        self.poll();
        self.drain();
        (self.process, self.is_marked, self.is_first) = (self.process + 1, is_marked, true);
        self.api = [Bytes::default(); 2];
        self.moves(0, moved, 0);
        self.drain();
        if marks_first {
            self.tell_marks(true);
            self.poll();
        } else {
            self.poll();
            self.tell_marks(true);
        }
        self.poll();
        self.drain();
    }

    /// A new agent over what is on disk, and what has moved meanwhile.
    fn start(&mut self, mode: XrayMode, moved: u64) {
        self.persist();
        self.moves(0, moved, moved);
        self.mode = mode;
        self.store = Store::open(self.dir.path()).unwrap();
        let records = self.store.load(0).unwrap().records;
        let records = records.into_iter().map(|record| (record, DAY)).collect();
        let restored = Restored { records, incidents: Vec::new() };
        self.engine = Engine::new(settings(mode), Users::default(), restored, at(self.now));
        (self.claimed, self.is_first) = (0, true);
        self.read.clear();
        self.drain();
        self.engine.arm();
        self.begin(false);
    }

    fn persist(&mut self) {
        self.engine.hurry();
        while !self.engine.is_settled() {
            for command in self.engine.handle(Event::PersistDue, at(self.now)) {
                let Command::Store(batch) = command else { continue };
                let stored = self.store.write(batch, self.now);
                self.engine.handle(Event::Stored(stored), at(self.now));
            }
        }
    }

    fn row(&self, name: &str) -> view::Account {
        let status = self.engine.status(&Wanted::Named(name.to_owned()), at(self.now));
        status.unwrap().accounts.pop().unwrap()
    }

    fn bytes(&self, who: usize) -> Bytes {
        let row = self.row(NAMES[who]);
        Bytes { uplink: row.uplink, downlink: row.downlink }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Move { who: usize, uplink: u64, downlink: u64 },
    Poll,
    Drain,
    RestartXray { is_marked: bool, marks_first: bool, moved: u64 },
    RestartAgent { is_mark: bool, moved: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2usize, 0..1000u64, 0..1000u64)
            .prop_map(|(who, uplink, downlink)| Step::Move { who, uplink, downlink }),
        3 => Just(Step::Poll),
        3 => Just(Step::Drain),
        1 => (any::<bool>(), any::<bool>(), 0..1000u64).prop_map(
            |(is_marked, marks_first, moved)| Step::RestartXray { is_marked, marks_first, moved }
        ),
        1 => (any::<bool>(), 0..1000u64)
            .prop_map(|(is_mark, moved)| Step::RestartAgent { is_mark, moved }),
    ];
    prop::collection::vec(step, 1..50)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_the_counter_loses_or_doubles_a_byte(
        steps in steps(),
        is_mark in any::<bool>(),
        is_marked in any::<bool>(),
    ) {
        let mode = |is_mark| if is_mark { XrayMode::Mark } else { XrayMode::Api };
        let mut world = World::new(mode(is_mark), is_marked);
        let mut due = [Bytes::default(); 2];
        for step in steps {
            match step {
                Step::Move { who, uplink, downlink } => {
                    world.moves(who, uplink, downlink);
                    due[who].uplink += uplink;
                    due[who].downlink += downlink;
                    continue;
                }
                Step::Poll => world.poll(),
                Step::Drain => world.drain(),
                Step::RestartXray { is_marked, marks_first, moved } => {
                    world.restart_xray(is_marked, marks_first, moved);
                    due[0].uplink += moved;
                }
                Step::RestartAgent { is_mark, moved } => {
                    world.poll();
                    world.drain();
                    world.start(mode(is_mark), moved);
                    due[0].uplink += moved;
                    due[0].downlink += moved;
                }
            }
            world.poll();
            world.drain();
            for (who, due) in due.iter().enumerate() {
                prop_assert_eq!(world.bytes(who), *due, "{}", NAMES[who]);
                let is_by_mark = world.mode == XrayMode::Mark && world.is_marked;
                let unit = if is_by_mark { "ip" } else { "payload" };
                prop_assert_eq!(world.row(NAMES[who]).unit, unit);
            }
        }
        for (_, account) in world.engine.ledger.iter() {
            let record = &account.record;
            prop_assert_eq!(record.total_usage(), record.baseline_usage + record.last_stats);
        }
    }
}

#[test]
fn the_kernel_is_told_how_far_a_mark_may_go() {
    let mut world = World::new(XrayMode::Mark, true);
    world.moves(0, 100, 0);
    world.drain();
    let limits = crate::engine::people::Limits { daily: None, total: Some(1000) };
    world.engine.limit("bob", limits, &[], at(200)).unwrap();
    let commands = world.engine.take_outbox(at(200));
    let armed = commands.iter().find_map(|command| match command {
        Command::Limit { counter: Counter::Slot(slot), limit: Some(limit) } => {
            Some((*slot, *limit))
        }
        _ => None,
    });
    let (slot, limit) = armed.unwrap_or_else(|| panic!("{commands:?}"));
    let index = world.marks[&mark(0)];
    assert_eq!(slot, FIRST_SLOT + u32::try_from(index).unwrap());
    assert_eq!(limit.allowed_bytes, 1000);
    // It refuses what does not fit; the user is then taken out, though some bytes are left.
    world.moves(0, 899, 0);
    let bytes = world.slots[index].1;
    let moved = [Reading { slot, bytes, refused: 1 }];
    world.handle(Event::Drained { claimed: &[], moved: &moved });
    assert_eq!(world.row("bob").state, view::State::Exceeded);
    assert!(world.commands.iter().any(|it| *it == Command::XrayRemove("bob".to_owned())));
}

#[test]
fn who_has_no_mark_in_the_config_gets_one_over_the_api_or_counts_by_payload() {
    let mut world = World::new(XrayMode::Mark, false);
    let ordered: BTreeMap<_, _> = world
        .commands
        .drain(..)
        .filter_map(|command| match command {
            Command::XrayMark { name, mark } => Some((name, mark)),
            _ => None,
        })
        .collect();
    assert_eq!(ordered.keys().collect::<Vec<_>>(), ["al", "bob"]);
    assert_ne!(ordered["al"], ordered["bob"]);
    assert_eq!(world.row("bob").unit, "payload");
    let (name, mark) = ("bob".to_owned(), ordered["bob"]);
    world.handle(Event::Xray(XrayEvent::Marked { name: name.clone(), mark }));
    world.drain();
    assert_eq!((world.row("bob").unit.as_str(), world.row("al").unit.as_str()), ("ip", "payload"));
    world.moves(0, 5, 5);
    world.slots[0].1 = Bytes { uplink: 7, downlink: 8 };
    world.drain();
    world.poll();
    assert_eq!(world.bytes(0), Bytes { uplink: 7, downlink: 8 });
    // Another agent finds the same mark in force.
    world.start(XrayMode::Mark, 0);
    assert_eq!(world.row("bob").unit, "ip");
    let again = Command::XrayMark { name, mark };
    assert!(world.commands.contains(&again), "{:?}", world.commands);
    // The next process knows nothing of it.
    world.restart_xray(false, true, 0);
    assert_eq!(world.row("bob").unit, "payload");
    world.moves(0, 1, 1);
    world.poll();
    assert_eq!(world.bytes(0), Bytes { uplink: 8, downlink: 9 });
    let reason = "no RoutingService".to_owned();
    world.handle(Event::Xray(XrayEvent::NotMarked { reason }));
    let problems = world.engine.mark_problems();
    assert!(problems.iter().any(|it| it.contains("2 users count by payload")), "{problems:?}");
}

#[test]
fn what_goes_past_the_marks_is_told() {
    let mut world = World::new(XrayMode::Mark, true);
    world.moves(0, 1, 1);
    world.drain();
    world.poll();
    assert_eq!(world.engine.mark_problems(), [""; 0]);
    // A rule of the admin's sends it elsewhere.
    world.api[0].downlink += 100 << 20;
    world.poll();
    let problems = world.engine.mark_problems();
    assert!(problems[0].contains("\"bob\" 100 MiB of 100 MiB"), "{problems:?}");
    assert_eq!(world.bytes(0), Bytes { uplink: 1, downlink: 1 });
}
