//! How far each account may go, as the kernel is told: thresholds beside the counters.
//!
//! A threshold stands as long as what it is made of does: limits, resets, days. Once a packet was
//! refused the account is cut until it moves.

use std::collections::{BTreeSet, HashMap};

use vpnmon_common::limit::{Directions, Limit};

use super::Engine;
use crate::{
    event::{Command, Counter, Now},
    ledger::{AccountId, incident::Kind, record::Record},
    model::{Service, Usage},
};

/// What the kernel was told.
#[derive(Debug, Default)]
pub struct Limits {
    /// Whether there is a kernel that listens.
    is_on: bool,
    by_counter: HashMap<Counter, (AccountId, Limit)>,
    by_account: HashMap<AccountId, Vec<Counter>>,
    /// Limited, but never to be cut off; told once.
    spared: BTreeSet<AccountId>,
}

impl Limits {
    fn account(&self, counter: Counter) -> Option<AccountId> {
        self.by_counter.get(&counter).map(|(id, _)| *id)
    }

    /// Whether the kernel was told to refuse everything of the account.
    fn is_cut(&self, id: AccountId) -> bool {
        let armed = self.by_account.get(&id).into_iter().flatten();
        let mut armed = armed.filter_map(|counter| self.by_counter.get(counter));
        armed.any(|(holder, limit)| *holder == id && limit.is_cut)
    }

    /// The account's counters are limited no more but for those that stay, unless another account's
    /// limit is there already.
    fn disarm(&mut self, id: AccountId, stay: &[(Counter, Limit)]) -> Vec<Command> {
        let Some(had) = self.by_account.remove(&id) else { return Vec::new() };
        let stays = |counter: &Counter| stay.iter().any(|(other, _)| other == counter);
        let gone = had.into_iter().filter(|counter| !stays(counter));
        let ours: Vec<_> = gone.filter(|counter| self.account(*counter) == Some(id)).collect();
        let let_go = ours.into_iter().map(|counter| {
            self.by_counter.remove(&counter);
            Command::Limit { counter, limit: None }
        });
        let_go.collect()
    }

    fn arm(&mut self, id: AccountId, wanted: Vec<(Counter, Limit)>) -> Vec<Command> {
        if wanted.is_empty() {
            return Vec::new();
        }
        self.by_account.insert(id, wanted.iter().map(|(counter, _)| *counter).collect());
        let new = wanted.into_iter().filter(|(counter, limit)| {
            self.by_counter.insert(*counter, (id, *limit)) != Some((id, *limit))
        });
        new.map(|(counter, limit)| Command::Limit { counter, limit: Some(limit) }).collect()
    }
}

impl Engine {
    /// From now on somebody carries the commands out. Before that none may be lost.
    pub const fn arm(&mut self) {
        self.limits.is_on = true;
    }

    /// Tells the kernel of thresholds that have moved.
    pub(super) fn rearm(&mut self, now: Now) -> Vec<Command> {
        let (mut commands, mut looked_at) = (Vec::new(), BTreeSet::new());
        if !self.limits.is_on {
            return commands;
        }
        // Judging can move thresholds, but not twice.
        for _ in 0..2 {
            let moved = self.ledger.take_rethought();
            looked_at.extend(&moved);
            let wanted: Vec<_> =
                moved.iter().map(|id| (*id, self.wanted_limit(*id, now))).collect();
            // A counter that changes hands is first let go, then taken.
            for (id, wanted) in &wanted {
                let is_cut = wanted.iter().any(|(_, limit)| limit.is_cut);
                if self.limits.is_cut(*id) && !is_cut && !self.ledger.account(*id).is_struck_out() {
                    self.note(Kind::Unblocked, *id, "the limit has moved", now);
                }
                commands.extend(self.limits.disarm(*id, wanted));
            }
            for (id, wanted) in wanted {
                commands.extend(self.limits.arm(id, wanted));
            }
        }
        // Refused first, then dealt with.
        for id in looked_at {
            commands.extend(self.enforce(id, now));
        }
        commands
    }

    /// The kernel has refused a packet of this counter.
    pub(super) fn refused(&mut self, counter: Counter, now: Now) {
        if let Some(id) = self.limits.account(counter) {
            self.exceed(id, now);
        }
    }

    /// After booking: whether the account has come to a limit, or near it.
    pub(super) fn judge(&mut self, id: AccountId, now: Now) {
        let record = &self.ledger.account(id).record;
        let Some(threshold) = record.threshold() else { return };
        if record.total_usage() >= threshold {
            self.exceed(id, now);
        } else if !record.is_warned && is_near(record, self.settings.warn_percent) {
            self.ledger.amend(id, |record| record.is_warned = true);
            self.note(Kind::Warning, id, "near the limit", now);
        }
    }

    fn exceed(&mut self, id: AccountId, now: Now) {
        let record = &self.ledger.account(id).record;
        let threshold = record.threshold();
        if threshold.is_none() || record.exceeded_at == threshold {
            return;
        }
        self.ledger.amend(id, |record| record.exceeded_at = threshold);
        self.note(Kind::Exceeded, id, "the limit is used up", now);
        if self.spares(id, now) {
            return;
        }
        if self.settings.dry_run {
            self.note(Kind::Refused, id, "enforce.dry_run: it would be blocked now", now);
        } else if !self.ledger.account(id).record.is_payload() {
            // Xray tells itself when its user is out.
            self.note(Kind::Blocked, id, "the limit is used up", now);
        }
    }

    /// Where the account's counters are to stop, if anywhere.
    fn wanted_limit(&mut self, id: AccountId, now: Now) -> Vec<(Counter, Limit)> {
        if self.ledger.account(id).is_struck_out() {
            self.limits.spared.remove(&id);
            return Vec::new();
        }
        self.lift(id);
        self.judge(id, now);
        let record = &self.ledger.account(id).record;
        if !record.is_disabled && (record.threshold().is_none() || self.settings.dry_run) {
            return Vec::new();
        }
        if self.spares(id, now) {
            return Vec::new();
        }
        let record = &self.ledger.account(id).record;
        let left = record.threshold().map_or(0, |it| it.saturating_sub(record.total_usage()));
        let is_cut = record.is_disabled || record.exceeded_at.is_some();
        let directions = directions(self.settings.usage);
        let limit = |(counter, at): (Counter, u64)| {
            (counter, Limit { allowed_bytes: at.saturating_add(left), directions, is_cut })
        };
        self.counters(id, record).into_iter().map(limit).collect()
    }

    /// The threshold has moved since the account was cut: it may go on, or is judged anew.
    fn lift(&mut self, id: AccountId) {
        let record = &self.ledger.account(id).record;
        let is_lifted = record.exceeded_at.is_some() && record.exceeded_at != record.threshold();
        let is_far = record.is_warned && !is_near(record, self.settings.warn_percent);
        if is_lifted || is_far {
            self.ledger.amend(id, |record| {
                record.is_warned &= !is_far;
                record.exceeded_at = record.exceeded_at.filter(|_| !is_lifted);
            });
        }
    }

    /// Whether it is never to be cut off, though it has a limit.
    fn spares(&mut self, id: AccountId, now: Now) -> bool {
        let key = self.ledger.account(id).record.key();
        let Some(why) = self.protection(&key) else {
            self.limits.spared.remove(&id);
            return false;
        };
        if self.limits.spared.insert(id) {
            self.note(Kind::Refused, id, &format!("not cut off: {why}"), now);
        }
        true
    }

    /// The counters of the account, and where they stand. Where there are several, each may use up
    /// what is left, and all are cut when together they have: at the next drain.
    fn counters(&self, id: AccountId, record: &Record) -> Vec<(Counter, u64)> {
        let at = record.mark.saturating_add(record.last_stats);
        if record.fwmark.is_some() {
            let slot = self.mark_slot(id);
            return slot.map(|(slot, _)| (Counter::Slot(slot), at)).into_iter().collect();
        }
        if record.service != Service::Forward {
            return record.uid.map(|uid| (Counter::Uid(uid), at)).into_iter().collect();
        }
        match self.client_slots(id).as_slice() {
            [(slot, _)] => vec![(Counter::Slot(*slot), at)],
            slots => {
                let at = |bytes| self.settings.usage.of(bytes);
                slots.iter().map(|(slot, bytes)| (Counter::Slot(*slot), at(*bytes))).collect()
            }
        }
    }
}

const fn directions(usage: Usage) -> Directions {
    match usage {
        Usage::Uplink => Directions { uplink: true, downlink: false },
        Usage::Downlink => Directions { uplink: false, downlink: true },
        Usage::Both => Directions { uplink: true, downlink: true },
    }
}

/// Whether one of its limits is used up to `warn_percent`.
fn is_near(record: &Record, warn_percent: u8) -> bool {
    let limits =
        [(record.daily_usage, record.daily_limit), (record.total_usage(), record.total_limit)];
    limits.into_iter().any(|(used, limit)| {
        limit != 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(warn_percent)
    })
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
