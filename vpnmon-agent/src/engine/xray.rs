//! Xray's users: accounts by the name that Xray has for them, counters with a life of their own.
//!
//! Which accounts there are the config says. A counter of somebody the config does not have may be
//! one of a user who is gone, whose counter Xray keeps: it is nobody's until it moves.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{Engine, marks::InConfig};
use crate::{
    config::XrayAction,
    event::{Command, Now},
    ledger::{AccountId, incident::Kind, record::Record},
    model::{AccountKey, Bytes, Service},
    xray::{Counted, XrayEvent},
};

/// How long a user must be gone from the config, and its counter must have stood still.
const GRACE: Duration = Duration::from_secs(5);
/// Two estimates of one start may be this far apart, in seconds.
const SAME_START: u64 = 2;

/// What is known of Xray.
#[derive(Debug, Default)]
pub struct Xray {
    /// Why it does not answer, if so.
    down: Option<String>,
    /// Whether it has answered since the agent started.
    has_answered: bool,
    /// The config's users; `None` before it was read.
    services: Option<BTreeMap<String, Service>>,
    /// The life of its process, and whether any was booked before.
    life: Option<Life>,
    by_name: HashMap<Arc<str>, AccountId>,
    /// Counters of nobody, as they stood.
    nobodys: HashMap<Arc<str>, Bytes>,
    /// When accounts were last seen to move or to be in the config.
    last_sign: HashMap<AccountId, Duration>,
    /// Those that are out, or ordered to be.
    out: BTreeSet<AccountId>,
}

/// Names the life of a process: boot, start and the direction that is usage, as epochs do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Life {
    boot: String,
    started: Option<u64>,
    process: Option<(u32, u64)>,
}

impl Life {
    fn epoch(&self, usage: &str) -> String {
        let started = self.started.map_or_else(|| "?".to_owned(), |it| it.to_string());
        let process = self.process.map(|(pid, start)| format!("-{pid}-{start}"));
        format!("xray/{}/{started}{}/{usage}", self.boot, process.unwrap_or_default())
    }

    fn of_epoch(epoch: &str) -> Option<Self> {
        let mut parts = epoch.strip_prefix("xray/")?.split('/');
        let (boot, mut words) = (parts.next()?.to_owned(), parts.next()?.split('-'));
        let started = words.next()?.parse().ok();
        let mut number = || words.next()?.parse().ok();
        let process = number().and_then(|pid| Some((u32::try_from(pid).ok()?, number()?)));
        Some(Self { boot, started, process })
    }

    fn is(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (self.process, other.process) {
            return self.boot == other.boot && a == b;
        }
        let starts = match (self.started, other.started) {
            (Some(a), Some(b)) => a.abs_diff(b) <= SAME_START,
            // Falling counters must tell.
            _ => true,
        };
        self.boot == other.boot && starts
    }
}

impl Xray {
    /// With what was written down: the latest life that is known.
    pub fn restored<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let ours = records.filter(|record| record.service.is_xray());
        let lives = ours.filter_map(|it| Some((it.last_update, Life::of_epoch(&it.epoch)?)));
        let life = lives.max_by_key(|(at, life)| (life.started, *at)).map(|(_, life)| life);
        Self { life, ..Self::default() }
    }

    /// Whether its numbers are those of now.
    pub const fn is_known(&self) -> bool {
        self.has_answered && self.down.is_none()
    }

    /// Whether its API has answered.
    pub const fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Whether it has, or is known not to.
    pub const fn is_tried(&self) -> bool {
        self.has_answered || self.down.is_some()
    }

    /// Whether its config has the user.
    pub fn is_configured(&self, name: &str) -> bool {
        self.services.as_ref().is_some_and(|services| services.contains_key(name))
    }

    /// Whether it answers; `None` where none was found.
    pub fn is_up(&self) -> Option<bool> {
        (self.has_answered || self.down.is_some()).then_some(self.down.is_none())
    }

    /// Why it does not answer, if so.
    pub fn problem(&self) -> Option<String> {
        let reason = self.down.as_ref()?;
        Some(format!("xray: {reason}; what it counts of its users is booked when it answers again"))
    }
}

impl Engine {
    pub(super) fn hear_xray(&mut self, event: XrayEvent, now: Now) -> Vec<Command> {
        match event {
            XrayEvent::Users(services) => self.learn_xray_users(services, now),
            XrayEvent::Counted(counted) => self.count_xray(counted, now),
            XrayEvent::Up => {
                self.xray.down = None;
                self.persist.note_source(Kind::SourceUp, "xray answers again".to_owned(), now);
                Vec::new()
            }
            XrayEvent::Down(reason) => {
                let told = format!("xray does not answer: {reason}");
                self.xray.down = Some(reason);
                self.persist.note_source(Kind::SourceDown, told.clone(), now);
                let mut commands = self.settle_marks();
                commands.push(Command::Warn(format!("{told}; see `vpnmon-agent doctor`")));
                commands
            }
            XrayEvent::Marks { marks, is_seen, is_fresh, is_certain, problem } => {
                self.learn_marks(InConfig { marks, is_seen, is_fresh, is_certain, problem })
            }
            XrayEvent::Marked { name, mark } => self.marked(name, mark),
            XrayEvent::NotMarked { reason } => self.not_marked(reason, now),
            XrayEvent::Out(names) => {
                let known = names.iter().filter_map(|name| self.xray_account(name));
                self.xray.out = known.collect();
                Vec::new()
            }
            XrayEvent::Removed { name, how } => self.note_xray(Kind::Blocked, &name, &how, now),
            XrayEvent::Restored { name } => {
                self.note_xray(Kind::Unblocked, &name, "put back into Xray", now)
            }
            XrayEvent::Failed { name, reason } => {
                let told = format!("xray: {name:?} cannot be taken out or put back: {reason}");
                let mut commands = self.note_xray(Kind::DeleteStepFailed, &name, &reason, now);
                commands.push(Command::Warn(told));
                commands
            }
        }
    }

    fn note_xray(&mut self, kind: Kind, name: &str, reason: &str, now: Now) -> Vec<Command> {
        if let Some(id) = self.xray_account(name) {
            self.note(kind, id, reason, now);
        }
        Vec::new()
    }

    /// The config's users are accounts, traffic or not.
    fn learn_xray_users(&mut self, services: BTreeMap<String, Service>, now: Now) -> Vec<Command> {
        for (name, service) in &services {
            let key = AccountKey::new(*service, name.clone());
            let id = match self.xray_account(name) {
                Some(id) if self.ledger.account(id).record.service == *service => id,
                // In inbounds of other protocols than before.
                Some(id) if self.ledger.find(&key).is_none() => {
                    self.persist.removed(self.ledger.account(id).record.key());
                    self.ledger.rename(id, &key);
                    id
                }
                _ => self.ledger.open(&key, now),
            };
            if !self.ledger.account(id).record.is_configured {
                self.ledger.amend(id, |record| record.is_configured = true);
            }
            self.xray.by_name.insert(name.as_str().into(), id);
            self.xray.nobodys.remove(name.as_str());
            self.xray.last_sign.remove(&id);
            if self.xray.has_answered {
                self.begin_without_counter(id);
            }
        }
        self.xray.services = Some(services);
        self.marks.unsettle();
        let mut commands = self.settle_marks();
        commands.extend(self.order_xray());
        commands
    }

    fn count_xray(&mut self, counted: Counted, now: Now) -> Vec<Command> {
        let is_first_ever = !self.xray.has_answered && self.xray.life.is_none();
        self.xray.has_answered = true;
        self.xray.down = None;
        let epoch = self.xray_epoch(counted.started, counted.process, now);
        let mut booked = Vec::new();
        for (name, reading) in counted.counters {
            let Some((id, begins_at)) = self.whose(&name, reading, counted.is_first, now) else {
                continue;
            };
            if self.ledger.account(id).record.fwmark.is_some() {
                self.compare(id, reading);
                continue;
            }
            let is_new_here = self.ledger.account(id).record.epoch != epoch;
            // What moved before vpnmon came is not its to count.
            let begins_at = begins_at.or_else(|| is_first_ever.then_some(reading));
            if let Some(at) = begins_at.filter(|_| is_new_here) {
                self.ledger.begin_in(id, &epoch, at);
            } else if is_new_here {
                let at = self.goes_on_at(id).unwrap_or_default();
                self.ledger.begin_in(id, &epoch, at);
            }
            self.rates.moved(&self.ledger, id);
            self.ledger.book_fallible(id, reading, now);
            self.judge(id, now);
            self.xray.last_sign.insert(id, now.monotonic);
            booked.push(id);
        }
        if counted.is_first {
            let others: Vec<_> = self.xray.by_name.values().copied().collect();
            for id in others {
                self.begin_without_counter(id);
            }
        }
        let mut commands = self.settle_marks();
        commands.extend(self.order_xray_of(&booked));
        commands
    }

    /// The epoch of Xray's counters, where they are known.
    pub(super) fn epoch_of_xray(&self) -> Option<String> {
        Some(self.xray.life.as_ref()?.epoch(self.settings.usage.word()))
    }

    /// Who has no counter yet gets one that begins at 0, whether we are there or not.
    fn begin_without_counter(&mut self, id: AccountId) {
        let Some(epoch) = self.epoch_of_xray() else { return };
        let record = &self.ledger.account(id).record;
        if record.is_payload() && record.epoch != epoch {
            let at = self.goes_on_at(id).unwrap_or_default();
            self.ledger.begin_in(id, &epoch, at);
        }
    }

    /// The counter goes on, and only its epoch has another name: another direction is usage.
    fn goes_on_at(&self, id: AccountId) -> Option<Bytes> {
        let record = &self.ledger.account(id).record;
        let was = Life::of_epoch(&record.epoch)?;
        let is_same = self.xray.life.as_ref().is_some_and(|life| life.is(&was));
        record.raw.filter(|_| is_same)
    }

    /// Whose a counter is; where it was nobody's before, with the reading that its bytes begin at.
    fn whose(
        &mut self,
        name: &Arc<str>,
        reading: Bytes,
        is_first: bool,
        now: Now,
    ) -> Option<(AccountId, Option<Bytes>)> {
        if let Some(id) = self.xray_account(name) {
            return Some((id, None));
        }
        let before = self.xray.nobodys.get(name).copied();
        if before == Some(reading) || (before.is_none() && is_first) {
            self.xray.nobodys.insert(Arc::clone(name), reading);
            return None;
        }
        self.xray.nobodys.remove(name);
        // Of another life: all of it is new.
        let before =
            before.filter(|it| it.uplink <= reading.uplink && it.downlink <= reading.downlink);
        let key = AccountKey::new(Service::Xray, name.to_string());
        let id = self.ledger.open(&key, now);
        self.xray.by_name.insert(Arc::clone(name), id);
        Some((id, before))
    }

    /// The account of a user, whichever protocol it comes by.
    fn xray_account(&mut self, name: &str) -> Option<AccountId> {
        if let Some(id) = self.xray.by_name.get(name) {
            return Some(*id);
        }
        let keys = Service::OF_XRAY.map(|service| AccountKey::new(service, name));
        let id = keys.iter().find_map(|key| self.ledger.find(key))?;
        self.xray.by_name.insert(name.into(), id);
        Some(id)
    }

    /// The epoch of the process that answers: the one it had if it is the same.
    fn xray_epoch(
        &mut self,
        started: Option<u64>,
        process: Option<(u32, u64)>,
        now: Now,
    ) -> String {
        let boot = self.settings.epoch.split('/').next().unwrap_or_default().to_owned();
        let life = Life { boot, started, process };
        let usage = self.settings.usage.word();
        match &mut self.xray.life {
            Some(known) if known.is(&life) => {
                // From now on it decides.
                known.process = known.process.or(process);
                known.epoch(usage)
            }
            _ => {
                let epoch = life.epoch(usage);
                self.xray.life = Some(life);
                self.marks.forget_readings();
                self.persist.note_epoch(&epoch, now);
                epoch
            }
        }
    }

    /// Strikes out users who have been gone from the config for a while.
    pub(super) fn retire_xray(&mut self, now: Now) -> Vec<Command> {
        let mut commands = Vec::new();
        let Some(services) = &self.xray.services else { return commands };
        let is_gone = |record: &Record| {
            record.service.is_xray() && record.is_configured && !services.contains_key(&record.name)
        };
        let accounts = self.ledger.iter().filter(|(_, account)| is_gone(&account.record));
        let gone: Vec<_> = accounts.map(|(id, _)| id).collect();
        for id in gone {
            let since = *self.xray.last_sign.entry(id).or_insert(now.monotonic);
            if now.monotonic.saturating_sub(since) < GRACE {
                continue;
            }
            self.note(Kind::Deleted, id, "the user is gone from Xray's config", now);
            let record = self.ledger.account(id).record.clone();
            let api = self.marks_api(id);
            commands.extend(self.retire_mark(id));
            self.persist.removed(record.key());
            self.ledger.strike_out(id);
            self.xray.by_name.remove(record.name.as_str());
            self.xray.last_sign.remove(&id);
            self.xray.out.remove(&id);
            // Its counter stays as long as the process does.
            let stands_at = if record.is_payload() { record.raw } else { api };
            let stands_at = stands_at.unwrap_or_default();
            self.xray.nobodys.insert(record.name.as_str().into(), stands_at);
        }
        commands
    }

    /// Orders for all accounts whose limit, usage or switch has moved.
    pub(super) fn order_xray(&mut self) -> Vec<Command> {
        let ours = self.ledger.iter().filter(|(_, it)| it.record.service.is_xray());
        let ids: Vec<_> = ours.map(|(id, _)| id).collect();
        self.order_xray_of(&ids)
    }

    pub(super) fn order_xray_of(&mut self, ids: &[AccountId]) -> Vec<Command> {
        let mut commands = Vec::new();
        for id in ids {
            let record = &self.ledger.account(*id).record;
            let is_out = self.is_to_be_out(record);
            if is_out == self.xray.out.contains(id) {
                continue;
            }
            let name = record.name.clone();
            if is_out {
                self.xray.out.insert(*id);
                commands.push(Command::XrayRemove(name));
            } else {
                self.xray.out.remove(id);
                commands.push(Command::XrayRestore(name));
            }
        }
        commands
    }

    fn is_to_be_out(&self, record: &Record) -> bool {
        let limits =
            [(record.daily_usage, record.daily_limit), (record.total_usage(), record.total_limit)];
        let is_used_up = limits.into_iter().any(|(used, limit)| limit != 0 && used >= limit);
        // The kernel has refused the packet that would not fit.
        let by_mark = record.fwmark.is_some();
        let is_used_up = is_used_up || (by_mark && record.exceeded_at.is_some());
        let is_cut_elsewhere = by_mark && self.settings.xray.action == XrayAction::Block;
        (record.is_disabled || (is_used_up && !is_cut_elsewhere))
            && !self.settings.dry_run
            && self.settings.protection(&record.key()).is_none()
    }
}

#[cfg(test)]
#[path = "xray_tests.rs"]
mod tests;
