//! One pass over one user: every step from the first on, each looked at before it is done.

use std::time::Duration;

use super::{
    account::{Account, Change},
    job::Job,
    journal::Entry,
    system::{Reason, System},
};
use crate::order::{Outcome, Person, Step, Target};

/// How long processes may take to end by themselves.
const TERM: Duration = Duration::from_millis(150);
/// Between two looks whether they have ended.
const LOOK: Duration = Duration::from_millis(20);
/// They are killed over and over for so long, then it is a failure.
const KILL: Duration = Duration::from_secs(2);
/// Who logged in just before the lock is known as a session by then.
const SETTLE: Duration = Duration::from_millis(300);
/// What goes once nobody can come in any more, in this order; the user itself comes after all of
/// it, for its name and uid are then somebody else's to take.
const BELONGINGS: [Step; 4] = [Step::Schedules, Step::Mail, Step::Panel, Step::Home];

/// How a pass ended.
pub(super) enum Ended {
    /// To be gone on with after this.
    Wait(Duration),
    /// These steps did not work.
    Failed(Vec<(Step, Reason)>),
    /// The target is reached, or there is no user to bring there.
    Done(Outcome),
}

/// One pass.
pub(super) struct Pass<'a, S> {
    pub system: &'a mut S,
    /// What else is in the journal.
    pub others: &'a [Entry],
    pub now: Duration,
}

impl<S: System> Pass<'_, S> {
    /// Goes on with a job.
    pub fn run(&mut self, job: &mut Job) -> Ended {
        let person = job.entry.person();
        let account = match self.system.account(&person.name) {
            Ok(account) => account,
            Err(why) => return Ended::Failed(vec![(first_step(job), why)]),
        };
        let Some(account) = account else { return self.gone(job, &person) };
        let before = job.entry.before.as_ref();
        if account.uid != person.uid || before.is_some_and(|before| !before.is_of(&account)) {
            return Ended::Done(Outcome::Replaced);
        }
        if job.entry.target != Target::Open
            && let Some(why) = self.system.protection(&person.name)
        {
            (job.entry.target, job.spared) = (Target::Open, Some(why));
        }
        match job.entry.target {
            Target::Open => self.open(job, &person, &account),
            Target::LockedOut => self.lock_out(job, &person, &account),
            Target::Deleted => self.delete(job, &person, &account),
        }
    }

    /// There is no such user: removed by us a moment ago, or by somebody else.
    fn gone(&mut self, job: &mut Job, person: &Person) -> Ended {
        match self.system.name_of(person.uid) {
            Err(why) => return Ended::Failed(vec![(Step::User, why)]),
            // Its processes and sockets are another's now.
            Ok(Some(_)) => {}
            Ok(None) => match self.end(job, person) {
                Ok(None) => {}
                Ok(Some(pause)) => return Ended::Wait(pause),
                Err(failure) => return Ended::Failed(vec![failure]),
            },
        }
        job.entry.target = Target::Deleted;
        Ended::Done(Outcome::Deleted(Vec::new()))
    }

    fn open(&mut self, job: &mut Job, person: &Person, account: &Account) -> Ended {
        let opened = match &job.entry.before {
            None if account.is_locked_out() => Err(lost(&person.name)),
            Some(before) if before.is_lost() => Err(lost(&person.name)),
            // Nothing was done to it.
            None => Ok(()),
            Some(before) => {
                let change = before.restore(account);
                self.change(person, &change).map_err(|why| (Step::Unlock, why)).and_then(|now| {
                    let is_open = now.is_none_or(|now| before.restore(&now).is_none());
                    let why = || (Step::Unlock, "usermod has not changed the account".to_owned());
                    is_open.then_some(()).ok_or_else(why)
                })
            }
        };
        match opened {
            Err(failure) => Ended::Failed(vec![failure]),
            Ok(()) => Ended::Done(match job.spared.take() {
                Some(why) => Outcome::Spared(why),
                None => Outcome::Opened,
            }),
        }
    }

    fn lock_out(&mut self, job: &mut Job, person: &Person, account: &Account) -> Ended {
        let mut failures = Vec::new();
        failures.extend(self.lock(job, person, account).err());
        self.settle(job, person, failures).unwrap_or(Ended::Done(Outcome::LockedOut))
    }

    fn delete(&mut self, job: &mut Job, person: &Person, account: &Account) -> Ended {
        let mut failures = Vec::new();
        let locked = self.lock(job, person, account);
        let is_locked = locked.is_ok();
        failures.extend(locked.err());
        if is_locked {
            // First, so that nothing is started any more while its processes are ended.
            failures.extend(self.remove(Step::Schedules, person, account).err());
        }
        if let Some(ended) = self.settle(job, person, failures) {
            return ended;
        }
        let mut kept = Vec::new();
        let mut failures = Vec::new();
        for step in BELONGINGS {
            match self.remove(step, person, account) {
                Ok(left) => kept.extend(left),
                Err(failure) => failures.push(failure),
            }
        }
        if !failures.is_empty() {
            return Ended::Failed(failures);
        }
        match self.remove(Step::User, person, account) {
            Err(failure) => Ended::Failed(vec![failure]),
            Ok(_) => match self.system.account(&person.name) {
                Ok(None) => Ended::Done(Outcome::Deleted(kept)),
                Ok(Some(_)) => {
                    Ended::Failed(vec![(Step::User, "the user is still there".to_owned())])
                }
                Err(why) => Ended::Failed(vec![(Step::User, why)]),
            },
        }
    }

    /// Ends all that the user runs; `None` when nothing of it is left and nothing has failed.
    fn settle(
        &mut self,
        job: &mut Job,
        person: &Person,
        mut failures: Vec<(Step, Reason)>,
    ) -> Option<Ended> {
        match self.end(job, person) {
            Ok(Some(pause)) if failures.is_empty() => return Some(Ended::Wait(pause)),
            Ok(_) => {}
            Err(failure) => failures.push(failure),
        }
        if !failures.is_empty() {
            return Some(Ended::Failed(failures));
        }
        let locked_for = self.now.saturating_sub(*job.locked_at.get_or_insert(self.now));
        let rest = SETTLE.checked_sub(locked_for).filter(|rest| !rest.is_zero());
        rest.map(|rest| Ended::Wait(rest.min(LOOK * 2)))
    }

    /// Nobody can log in as the user any more; what it was before is on disk first.
    fn lock(
        &mut self,
        job: &mut Job,
        person: &Person,
        account: &Account,
    ) -> Result<(), (Step, Reason)> {
        job.entry.before.get_or_insert_with(|| account.before());
        self.save(job).map_err(|why| (Step::Journal, why))?;
        let locked = self.change(person, &account.lock_out()).map_err(|why| (Step::Lock, why))?;
        if locked.is_some_and(|now| !now.is_locked_out()) {
            return Err((Step::Lock, "usermod has not changed the account".to_owned()));
        }
        job.locked_at.get_or_insert(self.now);
        Ok(())
    }

    /// What the account is after a change; `None` where it is gone.
    fn change(&mut self, person: &Person, change: &Change) -> Result<Option<Account>, Reason> {
        if !change.is_none() {
            self.system.change(&person.name, change)?;
        }
        self.system.account(&person.name)
    }

    /// Processes, then the sockets they leave. After which pause to look again, if something is left.
    fn end(&mut self, job: &mut Job, person: &Person) -> Result<Option<Duration>, (Step, Reason)> {
        let left = self.system.processes(person.uid, &job.sessions);
        if left.is_empty() {
            job.asked_at = None;
            return match self.system.destroy_sockets(person) {
                Ok(0) => Ok(None),
                Ok(left) => Err((Step::Sockets, format!("{left} sockets are still there"))),
                Err(why) => Err((Step::Sockets, why)),
            };
        }
        let Some(asked_at) = job.asked_at else {
            job.asked_at = Some(self.now);
            self.system.signal(person, &left, false);
            return Ok(Some(LOOK));
        };
        let asked_for = self.now.saturating_sub(asked_at);
        if asked_for >= TERM {
            self.system.signal(person, &left, true);
        }
        if asked_for > KILL {
            let pids: Vec<_> = left.iter().take(8).map(|it| it.pid.to_string()).collect();
            let pids = pids.join(", ");
            return Err((Step::Processes, format!("{} do not end: {pids}", left.len())));
        }
        Ok(Some(LOOK))
    }

    fn remove(
        &mut self,
        step: Step,
        person: &Person,
        account: &Account,
    ) -> Result<Option<String>, (Step, Reason)> {
        self.system.remove(step, person, account).map_err(|why| (step, why))
    }

    fn save(&mut self, job: &mut Job) -> Result<(), Reason> {
        if job.saved.as_ref() == Some(&job.entry) {
            return Ok(());
        }
        let mut journal = self.others.to_vec();
        journal.push(job.entry.clone());
        self.system.save(&journal)?;
        job.saved = Some(job.entry.clone());
        Ok(())
    }
}

fn lost(name: &str) -> (Step, Reason) {
    let why =
        format!("what it was before is lost; set it by hand: usermod -U -e DATE -s SHELL {name}");
    (Step::Unlock, why)
}

const fn first_step(job: &Job) -> Step {
    match job.entry.target {
        Target::Open => Step::Unlock,
        Target::LockedOut | Target::Deleted => Step::Lock,
    }
}
