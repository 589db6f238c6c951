//! The enforcer: orders in, one pass after the other over those that are due, reports out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    journal::Entry,
    passes::{Ended, Pass},
    system::System,
};
use crate::order::{Order, Outcome, Person, Process, Report, Standing, Step, Target};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Between two tries to write the journal.
const SAVE_AGAIN: Duration = Duration::from_secs(1);
/// Session processes remembered for one user.
const MAX_SESSIONS: usize = 4096;

/// What is going on with one user.
#[derive(Debug)]
pub(super) struct Job {
    pub entry: Entry,
    /// As it is on disk, if it is.
    pub saved: Option<Entry>,
    pub sessions: BTreeSet<Process>,
    /// When its processes were first asked to end, in this round.
    pub asked_at: Option<Duration>,
    /// Since when nobody can log in any more.
    pub locked_at: Option<Duration>,
    /// Why it is let in again although the order was another.
    pub spared: Option<String>,
    failures: u32,
    told: Option<(Step, String)>,
    /// `None` while there is nothing to do.
    due: Option<Duration>,
}

/// Makes users what they are to become, on one [`System`].
#[derive(Debug)]
pub struct Enforcer<S> {
    system: S,
    jobs: BTreeMap<Person, Job>,
    /// When the file, in which jobs are that are over, is to be written again.
    unsaved: Option<Duration>,
}

impl<S: System> Enforcer<S> {
    /// With what an earlier run has written down. None of it is taken up before an order says that
    /// it still holds.
    pub fn new(system: S, journal: Vec<Entry>) -> Self {
        let known = |entry: Entry| Job { saved: Some(entry.clone()), ..Job::new(entry) };
        let jobs = journal.into_iter().map(|entry| (entry.person(), known(entry)));
        Self { system, jobs: jobs.collect(), unsaved: None }
    }

    /// What was written down.
    pub fn standing(&self) -> Vec<Standing> {
        let standing =
            |job: &Job| Standing { person: job.entry.person(), target: job.entry.target };
        self.jobs.values().map(standing).collect()
    }

    /// Takes an order; done by [`Enforcer::work`].
    pub fn order(&mut self, order: Order, now: Duration) {
        match order {
            Order::Become(person, target) => self.aim(person, target, now),
            Order::End(person, processes) => {
                let Some(job) = self.jobs.get_mut(&person) else { return };
                if job.entry.target != Target::Open {
                    let room = MAX_SESSIONS.saturating_sub(job.sessions.len());
                    job.sessions.extend(processes.into_iter().take(room));
                    (job.asked_at, job.due) = (None, Some(now));
                }
            }
            Order::Forget(person) => self.forget(&person, now),
        }
    }

    fn aim(&mut self, person: Person, target: Target, now: Duration) {
        let Person { name, uid } = person.clone();
        let job = self
            .jobs
            .entry(person)
            .or_insert_with(|| Job::new(Entry { name, uid, target, before: None }));
        if job.entry.target != target {
            // What has been told of the way there says nothing of this one.
            (job.failures, job.told) = (0, None);
        }
        job.entry.target = target;
        (job.asked_at, job.spared, job.due) = (None, None, Some(now));
    }

    /// When there is something to do next.
    pub fn due(&self) -> Option<Duration> {
        self.jobs.values().filter_map(|job| job.due).chain(self.unsaved).min()
    }

    /// One pass over each job that is due.
    pub fn work(&mut self, now: Duration) -> Vec<Report> {
        let due = |job: &Job| job.due.is_some_and(|due| due <= now);
        let people: Vec<_> =
            self.jobs.iter().filter(|(_, job)| due(job)).map(|(who, _)| who.clone()).collect();
        let mut reports = Vec::new();
        for person in people {
            let outcomes = self.pass(&person, now);
            let report = |outcome| Report { person: person.clone(), outcome };
            reports.extend(outcomes.into_iter().map(report));
        }
        if self.unsaved.is_some_and(|due| due <= now) {
            self.unsaved = self.save().is_err().then_some(now + SAVE_AGAIN);
        }
        reports
    }

    fn pass(&mut self, person: &Person, now: Duration) -> Vec<Outcome> {
        let Some(mut job) = self.jobs.remove(person) else { return Vec::new() };
        // The pass changes its own entry, and writes it down with all others.
        let others: Vec<_> = self.jobs.values().map(|job| job.entry.clone()).collect();
        let ended = Pass { system: &mut self.system, others: &others, now }.run(&mut job);
        let (outcomes, stays) = job.ended(ended, now);
        if stays {
            self.jobs.insert(person.clone(), job);
        } else {
            self.system.forget(person);
            self.unsaved = Some(now);
        }
        outcomes
    }

    fn forget(&mut self, person: &Person, now: Duration) {
        if self.jobs.get(person).is_some_and(|job| job.entry.target == Target::Deleted) {
            self.jobs.remove(person);
            self.system.forget(person);
            self.unsaved = Some(now);
        }
    }

    fn save(&mut self) -> Result<(), String> {
        let entries: Vec<_> = self.jobs.values().map(|job| job.entry.clone()).collect();
        self.system.save(&entries)
    }

    /// The machine.
    #[cfg(test)]
    pub fn system(&mut self) -> &mut S {
        &mut self.system
    }
}

impl Job {
    fn new(entry: Entry) -> Self {
        Self {
            entry,
            saved: None,
            sessions: BTreeSet::new(),
            asked_at: None,
            locked_at: None,
            spared: None,
            failures: 0,
            told: None,
            due: None,
        }
    }

    /// What to tell of a pass, and whether there is anything left to remember.
    fn ended(&mut self, ended: Ended, now: Duration) -> (Vec<Outcome>, bool) {
        match ended {
            Ended::Wait(pause) => {
                self.due = Some(now + pause);
                (Vec::new(), true)
            }
            Ended::Failed(failures) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
                self.due = Some(now + pause.min(LONGEST_PAUSE));
                self.failures += 1;
                (self.tell(failures), true)
            }
            Ended::Done(outcome) => {
                // A user who is gone or locked out is remembered, the others are not.
                let stays = matches!(outcome, Outcome::Deleted(_) | Outcome::LockedOut);
                (self.due, self.asked_at, self.failures, self.told) = (None, None, 0, None);
                self.sessions.clear();
                (vec![outcome], stays)
            }
        }
    }

    /// What is new of failures, or has gone on for twice as long: not every try.
    fn tell(&mut self, failures: Vec<(Step, String)>) -> Vec<Outcome> {
        let Some(first) = failures.first().cloned() else { return Vec::new() };
        let is_new = self.told.as_ref() != Some(&first) || self.failures.is_power_of_two();
        self.told = Some(first);
        if !is_new {
            return Vec::new();
        }
        failures.into_iter().map(|(step, why)| Outcome::Failed(step, why)).collect()
    }
}
