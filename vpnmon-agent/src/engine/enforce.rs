//! What SSH accounts should become, told to the enforcer; and what has become of them.

use std::collections::HashMap;

use super::Engine;
use crate::{
    admins::Admins,
    enforce::decide::{Decision, Facts, decide},
    event::{Command, Now},
    ledger::{AccountId, incident::Kind},
    model::{AccountKey, Service},
    order::{Order, Outcome, Person, Report, Standing, Target},
};

/// What the enforcer was told, and what was refused.
#[derive(Debug, Default)]
pub struct Enforcing {
    /// `None` until somebody has looked: nothing is enforced before.
    admins: Option<Admins>,
    /// Whoever is not in it is open.
    given: HashMap<AccountId, Given>,
    /// Why, as it was told.
    refused: HashMap<AccountId, String>,
    /// Deleted, but perhaps not yet written down to be.
    gone: Vec<Person>,
}

#[derive(Debug)]
struct Given {
    person: Person,
    target: Target,
    /// And not by hand.
    by_limit: bool,
}

impl Engine {
    /// Why an account must never be cut off, if so.
    pub(super) fn protection(&self, key: &AccountKey) -> Option<String> {
        self.settings.protection(key).or_else(|| {
            let admins = self.enforcing.admins.as_ref().filter(|_| key.service == Service::Ssh)?;
            admins.why(&key.name).map(str::to_owned)
        })
    }

    pub(super) fn set_admins(&mut self, admins: Admins) {
        self.enforcing.admins = Some(admins);
        self.ledger.rethink_all();
    }

    /// The order for an account whose state asks for another one than was given.
    pub(super) fn enforce(&mut self, id: AccountId, now: Now) -> Vec<Command> {
        let account = self.ledger.account(id);
        let record = &account.record;
        let uid = self.users.uid(&record.name);
        let uid = uid.filter(|_| record.service == Service::Ssh && !account.is_struck_out());
        match uid {
            Some(uid) if self.enforcing.admins.is_some() => self.reconsider(id, uid, now),
            _ => Vec::new(),
        }
    }

    fn reconsider(&mut self, id: AccountId, uid: u32, now: Now) -> Vec<Command> {
        let (target, mut commands) = self.target(id, now);
        let person = Person { name: self.ledger.account(id).record.name.clone(), uid };
        let given = self.enforcing.given.get(&id);
        let is_given = match given {
            Some(given) => given.person == person && given.target == target,
            None => target == Target::Open,
        };
        if !is_given {
            commands.extend(self.give(id, person, target));
        }
        commands
    }

    /// What an account should become, and what there is to say about it.
    fn target(&mut self, id: AccountId, now: Now) -> (Target, Vec<Command>) {
        let record = &self.ledger.account(id).record;
        let key = record.key();
        let protection = self.protection(&key);
        let facts = Facts {
            is_disabled: record.is_disabled,
            is_over: self.is_over(id),
            has_limit: record.daily_limit != 0 || record.total_limit != 0,
            protection: protection.as_deref(),
        };
        match decide(facts, self.settings.ssh_action, self.settings.dry_run) {
            Decision::Become(target) => {
                self.enforcing.refused.remove(&id);
                (target, Vec::new())
            }
            // That it is not cut off was told already.
            Decision::Refused(..) if protection.is_some() => (Target::Open, Vec::new()),
            Decision::Refused(target, why) => {
                (Target::Open, self.refuse(id, &format!("would {}: {why}", target.words()), now))
            }
        }
    }

    /// Says it once.
    fn refuse(&mut self, id: AccountId, why: &str, now: Now) -> Vec<Command> {
        let told = self.enforcing.refused.insert(id, why.to_owned());
        if told.as_deref() == Some(why) {
            return Vec::new();
        }
        self.note(Kind::Refused, id, why, now);
        let key = self.ledger.account(id).record.key();
        vec![Command::Warn(format!("{key} is left alone: {why}"))]
    }

    fn give(&mut self, id: AccountId, person: Person, target: Target) -> Vec<Command> {
        let is_disabled = self.ledger.account(id).record.is_disabled;
        let was_by_limit = self.enforcing.given.get(&id).is_some_and(|given| given.by_limit);
        let by_limit = if target == Target::Open { was_by_limit } else { !is_disabled };
        self.enforcing.given.insert(id, Given { person: person.clone(), target, by_limit });
        let mut orders = vec![Order::Become(person.clone(), target)];
        let sessions = self.sessions.processes_of(&person.name);
        if target != Target::Open && !sessions.is_empty() {
            orders.push(Order::End(person, sessions));
        }
        orders.into_iter().map(Command::Enforce).collect()
    }

    /// What an earlier run has begun with: goes on, unless it has been overtaken.
    pub(super) fn resume(&mut self, standing: Vec<Standing>, now: Now) -> Vec<Command> {
        let mut commands = Vec::new();
        for Standing { person, target } in standing {
            let key = AccountKey::new(Service::Ssh, person.name.clone());
            let is_there = self.users.uid(&person.name) == Some(person.uid);
            match self.ledger.find(&key).filter(|_| is_there) {
                Some(id) => {
                    let by_limit = !self.ledger.account(id).record.is_disabled;
                    let given = Given { person: person.clone(), target, by_limit };
                    self.enforcing.given.insert(id, given);
                    let (target, said) = self.target(id, now);
                    commands.extend(said);
                    commands.extend(self.give(id, person, target));
                }
                None => commands.push(Command::Enforce(Order::Become(person, target))),
            }
        }
        commands
    }

    /// A session has begun of a user who should have none.
    pub(super) fn end_session(&self, session: &crate::session::Session) -> Option<Command> {
        let id = self.ledger.find(&AccountKey::new(Service::Ssh, session.user.clone()))?;
        let given = self.enforcing.given.get(&id)?;
        let process = crate::order::Process { pid: session.pid, start_time: session.start_time };
        (given.target != Target::Open)
            .then(|| Command::Enforce(Order::End(given.person.clone(), vec![process])))
    }

    /// Whether a user's end is the enforcer's to tell.
    pub(super) fn is_being_deleted(&self, id: AccountId) -> bool {
        self.enforcing.given.get(&id).is_some_and(|given| given.target == Target::Deleted)
    }

    pub(super) fn enforced(&mut self, report: Report, now: Now) -> Vec<Command> {
        let Report { person, outcome } = report;
        let id = self.ledger.find(&AccountKey::new(Service::Ssh, person.name.clone()));
        let id = id.filter(|id| self.is_about(*id, &person));
        let mut commands = Vec::new();
        match (outcome, id) {
            (Outcome::Deleted(kept), id) => {
                if let Some(id) = id {
                    self.deleted(id, &kept, now);
                }
                self.enforcing.gone.push(person);
                commands.extend(self.forget_gone());
            }
            (Outcome::Replaced, Some(id)) => {
                self.finish(id, "another user has the name now", now);
            }
            (Outcome::Spared(why), Some(id)) => {
                self.enforcing.given.remove(&id);
                commands.extend(self.refuse(id, &why, now));
            }
            (Outcome::LockedOut, Some(id)) => {
                if self.enforcing.given.get(&id).is_some_and(|given| given.by_limit) {
                    self.note(Kind::Disabled, id, "its limit is used up: it is locked out", now);
                }
            }
            (Outcome::Opened, Some(id)) => {
                let given = self.enforcing.given.remove(&id);
                if given.is_some_and(|given| given.by_limit) {
                    self.note(Kind::Enabled, id, "its limit allows it again", now);
                }
            }
            (Outcome::Failed(step, why), id) => {
                let why = format!("cannot {step}: {why}; tried again");
                if let Some(id) = id {
                    let is_deleted = self.is_being_deleted(id);
                    let kind = if is_deleted { Kind::DeleteStepFailed } else { Kind::Degraded };
                    self.note(kind, id, &why, now);
                }
                commands.push(Command::Warn(format!("ssh:{}: {why}", person.name)));
            }
            (_, None) => {}
        }
        commands
    }

    /// Not of another uid that the name has had.
    fn is_about(&self, id: AccountId, person: &Person) -> bool {
        self.enforcing.given.get(&id).is_none_or(|given| given.person == *person)
    }

    fn deleted(&mut self, id: AccountId, kept: &[String], now: Now) {
        let given = self.enforcing.given.get(&id).is_some_and(|it| it.target == Target::Deleted);
        let mut reason =
            if given { "its limit is used up" } else { "the user is gone from passwd" }.to_owned();
        for kept in kept {
            reason = format!("{reason}; {kept}");
        }
        self.finish(id, &reason, now);
    }

    /// The account is no more. Whoever has its name or uid now begins with nothing.
    fn finish(&mut self, id: AccountId, reason: &str, now: Now) {
        self.note(Kind::Deleted, id, reason, now);
        self.enforcing.given.remove(&id);
        self.enforcing.refused.remove(&id);
        self.gone_since.remove(&id);
        self.persist.removed(self.ledger.account(id).record.key());
        self.ledger.strike_out(id);
        self.give_slots_away(id, now);
    }

    /// The enforcer may forget whom the disk knows to be gone.
    pub(super) fn forget_gone(&mut self) -> Vec<Command> {
        if !self.persist.is_kept(&self.ledger) {
            return Vec::new();
        }
        let gone = std::mem::take(&mut self.enforcing.gone);
        gone.into_iter().map(|person| Command::Enforce(Order::Forget(person))).collect()
    }
}

impl Engine {
    /// Whether a limit of the account is used up, or a packet was refused because it would not fit.
    fn is_over(&self, id: AccountId) -> bool {
        let record = &self.ledger.account(id).record;
        record.exceeded_at.is_some() && record.exceeded_at == record.threshold()
    }
}

#[cfg(test)]
#[path = "enforce_tests.rs"]
mod tests;
