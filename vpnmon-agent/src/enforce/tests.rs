//! The enforcer on a machine of the test's own, whose calls fail and whose agent dies at any of them.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::{
    Enforcer,
    account::{Account, Change, changed},
    journal::Entry,
    system::{Reason, System},
};
use crate::order::{Order, Outcome, Person, Process, Report, Step, Target};

const UID: u32 = 1001;
const SESSION: Process = Process { pid: 400, start_time: 9 };
const SHELL: Process = Process { pid: 401, start_time: 10 };

/// What a user has, and what is known of it on disk.
#[derive(Clone, Debug)]
struct Fake {
    account: Option<Account>,
    belongings: BTreeSet<Step>,
    processes: BTreeSet<Process>,
    sockets: usize,
    journal: Vec<Entry>,
    protection: Option<String>,
    /// Which calls fail, and at which the agent dies; the rest work.
    fates: Vec<Fate>,
    calls: usize,
    dead: bool,
    /// Was it ever possible to log in after it had been locked?
    was_locked: bool,
    opened_again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    Fails,
    Dies,
    DiesAfter,
}

fn bob() -> Account {
    Account {
        uid: UID,
        home: "/home/bob".to_owned(),
        shell: "/bin/false".to_owned(),
        password: "$6$salt$hash".to_owned(),
        changed: "20000".to_owned(),
        expires: "20500".to_owned(),
    }
}

fn person() -> Person {
    Person { name: "bob".to_owned(), uid: UID }
}

impl Fake {
    fn new(fates: Vec<Fate>) -> Self {
        let belongings = [Step::Schedules, Step::Mail, Step::Panel, Step::Home];
        Self {
            account: Some(bob()),
            belongings: belongings.into_iter().collect(),
            processes: [SESSION, SHELL].into_iter().collect(),
            sockets: 3,
            journal: Vec::new(),
            protection: None,
            fates,
            calls: 0,
            dead: false,
            was_locked: false,
            opened_again: false,
        }
    }

    /// Does something, unless it is fated otherwise; nothing more happens after a death.
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, Reason> {
        let fate = self.fates.get(self.calls).copied().unwrap_or(Fate::Works);
        self.calls += 1;
        if self.dead || matches!(fate, Fate::Fails | Fate::Dies) {
            self.dead |= fate == Fate::Dies;
            return Err("it fails".to_owned());
        }
        let done = work(self);
        self.dead |= fate == Fate::DiesAfter;
        self.look();
        if self.dead { Err("dead".to_owned()) } else { Ok(done) }
    }

    /// What must never be.
    fn look(&mut self) {
        let Some(account) = &self.account else { return };
        self.was_locked |= account.is_locked_out();
        self.opened_again |= self.was_locked && !account.is_locked_out();
    }
}

impl System for Fake {
    fn account(&mut self, _name: &str) -> Result<Option<Account>, Reason> {
        self.call(|it| it.account.clone())
    }

    fn name_of(&mut self, _uid: u32) -> Result<Option<String>, Reason> {
        self.call(|it| it.account.as_ref().map(|_| "bob".to_owned()))
    }

    fn protection(&mut self, _name: &str) -> Option<String> {
        self.protection.clone()
    }

    fn change(&mut self, _name: &str, change: &Change) -> Result<(), Reason> {
        self.call(|it| {
            assert!(!it.journal.is_empty(), "what it was is written down first");
            it.account = it.account.as_ref().map(|account| changed(account, change));
        })
    }

    fn save(&mut self, journal: &[Entry]) -> Result<(), Reason> {
        self.call(|it| it.journal = journal.to_vec())
    }

    fn processes(&mut self, _uid: u32, sessions: &BTreeSet<Process>) -> Vec<Process> {
        // The session is root's: it is found only by who has told of it.
        let found = self.processes.iter().copied();
        found.filter(|it| *it != SESSION || sessions.contains(it)).collect()
    }

    fn signal(&mut self, _person: &Person, processes: &[Process], kill: bool) {
        // None of them hears SIGTERM.
        let _or_not = self.call(|it| {
            if kill {
                it.processes.retain(|process| !processes.contains(process));
            }
        });
    }

    fn destroy_sockets(&mut self, _person: &Person) -> Result<usize, Reason> {
        self.call(|it| {
            it.sockets = 0;
            it.sockets
        })
    }

    fn forget(&mut self, _person: &Person) {}

    fn remove(
        &mut self,
        step: Step,
        _person: &Person,
        _account: &Account,
    ) -> Result<Option<String>, Reason> {
        self.call(|it| {
            assert!(
                it.account.as_ref().is_some_and(Account::is_locked_out),
                "{step} before the lock"
            );
            if step == Step::User {
                assert!(it.belongings.is_empty() && it.sockets == 0, "{it:?}");
                assert!(!it.processes.contains(&SHELL), "{it:?}");
                it.account = None;
            } else {
                it.belongings.remove(&step);
            }
            None
        })
    }
}

fn begun(fake: Fake, target: Target) -> Enforcer<Fake> {
    let mut enforcer = Enforcer::new(fake, Vec::new());
    order(&mut enforcer, target, Duration::ZERO);
    enforcer
}

fn order(enforcer: &mut Enforcer<Fake>, target: Target, now: Duration) {
    enforcer.order(Order::Become(person(), target), now);
    if target != Target::Open {
        enforcer.order(Order::End(person(), vec![SESSION]), now);
    }
}

/// Works until nothing is due; a dead agent starts anew from its journal and is told again.
fn work(mut enforcer: Enforcer<Fake>, target: Target) -> (Fake, Vec<Outcome>, Duration) {
    let (mut now, mut outcomes) = (Duration::ZERO, Vec::new());
    for _ in 0..10_000 {
        let Some(due) = enforcer.due() else { break };
        now = now.max(due);
        let reports = enforcer.work(now);
        if enforcer.system().dead {
            // Whoever gives orders has heard what was told before.
            outcomes.extend(reports.into_iter().map(|Report { outcome, .. }| outcome));
            let mut fake = enforcer.system().clone();
            fake.dead = false;
            let journal = fake.journal.clone();
            enforcer = Enforcer::new(fake, journal);
            assert_eq!(enforcer.due(), None, "nothing is done before it is told to go on");
            order(&mut enforcer, target, now);
            continue;
        }
        outcomes.extend(reports.into_iter().map(|Report { outcome, .. }| outcome));
    }
    assert_eq!(enforcer.due(), None, "it never ends: {outcomes:?}");
    enforcer.order(Order::Forget(person()), now);
    while let Some(due) = enforcer.due() {
        enforcer.work(due);
        enforcer.system().dead = false;
    }
    (enforcer.system().clone(), outcomes, now)
}

#[test]
fn a_deleted_user_leaves_nothing() {
    let (fake, outcomes, took) =
        work(begun(Fake::new(Vec::new()), Target::Deleted), Target::Deleted);
    assert_eq!(outcomes, [Outcome::Deleted(Vec::new())]);
    assert_eq!((fake.account, fake.processes.len(), fake.sockets), (None, 0, 0));
    assert!(fake.journal.is_empty() && fake.belongings.is_empty());
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[test]
fn who_is_locked_out_and_let_in_again_is_as_before() {
    let mut enforcer = begun(Fake::new(Vec::new()), Target::LockedOut);
    let mut now = Duration::ZERO;
    while let Some(due) = enforcer.due() {
        now = due;
        enforcer.work(now);
    }
    let fake = enforcer.system();
    assert!(fake.account.as_ref().unwrap().is_locked_out());
    assert_eq!((fake.processes.len(), fake.belongings.len(), fake.journal.len()), (0, 4, 1));
    // A session that had begun just before is told of late.
    fake.processes.insert(SESSION);
    enforcer.order(Order::End(person(), vec![SESSION]), now);
    while let Some(due) = enforcer.due() {
        now = due;
        enforcer.work(now);
    }
    assert!(enforcer.system().processes.is_empty());
    order(&mut enforcer, Target::Open, now);
    let reports = enforcer.work(now);
    assert_eq!(reports[0].outcome, Outcome::Opened);
    assert_eq!(enforcer.system().account, Some(bob()));
    assert!(enforcer.system().journal.is_empty());
}

#[test]
fn a_limit_that_is_raised_stops_a_deletion() {
    let mut enforcer = begun(Fake::new(Vec::new()), Target::Deleted);
    enforcer.work(Duration::ZERO);
    assert!(enforcer.system().account.as_ref().unwrap().is_locked_out());
    let (fake, outcomes, _) = {
        order(&mut enforcer, Target::Open, Duration::ZERO);
        work(enforcer, Target::Open)
    };
    assert_eq!((fake.account, outcomes), (Some(bob()), vec![Outcome::Opened]));
}

#[test]
fn who_becomes_an_admin_is_spared() {
    let mut enforcer = begun(Fake::new(Vec::new()), Target::Deleted);
    enforcer.work(Duration::ZERO);
    enforcer.system().protection = Some("it is in group sudo".to_owned());
    let (fake, outcomes, _) = work(enforcer, Target::Deleted);
    assert_eq!(outcomes, [Outcome::Spared("it is in group sudo".to_owned())]);
    assert_eq!((fake.account, fake.belongings.len()), (Some(bob()), 3));
}

#[test]
fn a_new_user_of_the_name_is_not_touched() {
    for new in [
        Account { password: "$6$new$hash".to_owned(), ..bob() },
        Account { uid: 1002, ..bob() },
        Account { password: "!".to_owned(), changed: "20001".to_owned(), ..bob() },
    ] {
        let mut enforcer = begun(Fake::new(Vec::new()), Target::Deleted);
        enforcer.work(Duration::ZERO);
        enforcer.system().account = Some(new.clone());
        enforcer.system().was_locked = false;
        let journal = enforcer.system().journal.clone();
        let mut restarted = Enforcer::new(enforcer.system().clone(), journal);
        order(&mut restarted, Target::Deleted, Duration::ZERO);
        let (fake, outcomes, _) = work(restarted, Target::Deleted);
        assert_eq!((outcomes, fake.account), (vec![Outcome::Replaced], Some(new)));
        assert_eq!(fake.journal, []);
    }
}

#[test]
fn a_user_who_is_gone_already_is_a_success() {
    let mut fake = Fake::new(Vec::new());
    fake.account = None;
    let (fake, outcomes, _) = work(begun(fake, Target::Deleted), Target::Deleted);
    assert_eq!(outcomes, [Outcome::Deleted(Vec::new())]);
    assert!(fake.processes.is_empty());
}

#[test]
fn failures_are_told_and_tried_again_less_and_less_often() {
    let mut fake = Fake::new(Vec::new());
    fake.fates = vec![Fate::Works, Fate::Fails];
    let (_, outcomes, _) = work(begun(fake, Target::Deleted), Target::Deleted);
    assert_eq!(outcomes[0], Outcome::Failed(Step::Journal, "it fails".to_owned()));

    let mut enforcer = begun(Fake::new(vec![Fate::Fails; 100_000]), Target::Deleted);
    let (mut told, mut tries, mut now) = (0, 0, Duration::ZERO);
    while now < Duration::from_hours(24) {
        now = enforcer.due().unwrap();
        told += enforcer.work(now).len();
        tries += 1;
    }
    assert!((1000..1500).contains(&tries) && told < 20, "{tries} tries, told {told} times");
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => Just(Fate::Works),
        2 => Just(Fate::Fails),
        1 => Just(Fate::Dies),
        1 => Just(Fate::DiesAfter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_history_of_failures_and_deaths_ends_deleted(
        fates in prop::collection::vec(fate(), 0..60),
    ) {
        let (fake, outcomes, _) = work(begun(Fake::new(fates), Target::Deleted), Target::Deleted);
        prop_assert!(outcomes.contains(&Outcome::Deleted(Vec::new())), "{outcomes:?}");
        prop_assert!(!fake.opened_again, "it was open in between");
        prop_assert_eq!(fake.account, None);
        prop_assert!(fake.belongings.is_empty() && fake.processes.is_empty());
    }

    #[test]
    fn any_history_of_failures_and_deaths_can_be_undone(
        fates in prop::collection::vec(fate(), 0..40),
    ) {
        let (mut fake, ..) = work(begun(Fake::new(fates.clone()), Target::LockedOut), Target::LockedOut);
        prop_assert!(fake.account.as_ref().is_some_and(Account::is_locked_out));
        (fake.fates, fake.calls) = (fates, 0);
        let journal = fake.journal.clone();
        let mut enforcer = Enforcer::new(fake, journal);
        order(&mut enforcer, Target::Open, Duration::ZERO);
        let (fake, ..) = work(enforcer, Target::Open);
        prop_assert_eq!(fake.account, Some(bob()));
        prop_assert_eq!(fake.journal, []);
    }
}
