//! What people do: commands, edited files, renamed and removed users.

use std::time::Duration;

use super::{
    Engine,
    status::{NoAnswer, Wanted},
};
use crate::{
    event::{Edit, Now},
    ledger::{AccountId, incident::Kind},
    model::{AccountKey, Service},
};

/// How long a user must be gone from passwd: an editor may write it in several steps.
const GRACE: Duration = Duration::from_secs(5);

/// Why the machine's own users are never cut off.
pub const NO_VPN_USER: &str = "it is no user of the VPN";

/// A change of one account's limits; what is not named stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a day; 0 is unlimited.
    pub daily: Option<u64>,
    /// Bytes in all; 0 is unlimited.
    pub total: Option<u64>,
}

impl Engine {
    /// Usage of the wanted accounts back to 0. Who they are.
    pub fn reset(&mut self, wanted: &Wanted, now: Now) -> Result<Vec<AccountKey>, NoAnswer> {
        let ids = self.wanted(wanted)?;
        for id in &ids {
            self.note(Kind::Reset, *id, "by command", now);
            self.ledger.reset(*id, now);
            let AccountKey { service, name } = self.ledger.account(*id).record.key();
            self.hosts.forget_bytes(service, &name);
        }
        Ok(ids.into_iter().map(|id| self.ledger.account(id).record.key()).collect())
    }

    /// Sets or removes limits of one account. Who it is.
    pub fn limit(
        &mut self,
        name: &str,
        limits: Limits,
        invokers: &[u32],
        now: Now,
    ) -> Result<AccountKey, NoAnswer> {
        let id = self.user(name)?;
        let key = self.ledger.account(id).record.key();
        let sets = limits.daily.unwrap_or_default() != 0 || limits.total.unwrap_or_default() != 0;
        if sets {
            self.refuse_protected(&key, invokers)?;
        }
        self.set_limits(id, limits, "by command", now);
        Ok(key)
    }

    /// Locks an account out until [`Engine::enable`]. Who it is, and whether it was not before.
    pub fn disable(
        &mut self,
        name: &str,
        invokers: &[u32],
        now: Now,
    ) -> Result<(AccountKey, bool), NoAnswer> {
        let id = self.user(name)?;
        let key = self.ledger.account(id).record.key();
        self.refuse_protected(&key, invokers)?;
        if self.settings.dry_run {
            return Err(NoAnswer::DryRun(key.to_string()));
        }
        let is_new = !self.ledger.account(id).record.is_disabled;
        if is_new {
            self.ledger.amend(id, |record| record.is_disabled = true);
            self.note(Kind::Disabled, id, "by command", now);
        }
        Ok((key, is_new))
    }

    /// Takes back what [`Engine::disable`] has done. Who was disabled.
    pub fn enable(&mut self, wanted: &Wanted, now: Now) -> Result<Vec<AccountKey>, NoAnswer> {
        let mut enabled = Vec::new();
        for id in self.wanted(wanted)? {
            if self.ledger.account(id).record.is_disabled {
                self.ledger.amend(id, |record| record.is_disabled = false);
                self.note(Kind::Enabled, id, "by command", now);
                enabled.push(self.ledger.account(id).record.key());
            }
        }
        Ok(enabled)
    }

    fn user(&self, name: &str) -> Result<AccountId, NoAnswer> {
        match self.named(name) {
            // A user of the machine without traffic yet, who is none of the VPN's.
            Err(NoAnswer::Unknown(name)) if self.users.uid(&name).is_some() => {
                let key = AccountKey::new(Service::System, name);
                Err(NoAnswer::Protected(key.to_string(), NO_VPN_USER.to_owned()))
            }
            found => found,
        }
    }

    /// `invokers`: uids of the person at the keyboard.
    fn refuse_protected(&self, key: &AccountKey, invokers: &[u32]) -> Result<(), NoAnswer> {
        let uid = self.users.uid(&key.name).filter(|_| key.service == Service::Ssh);
        let is_own = uid.is_some_and(|uid| invokers.contains(&uid));
        let own = is_own.then(|| "you are logged in as it".to_owned());
        match self.protection(key).or(own) {
            Some(why) => Err(NoAnswer::Protected(key.to_string(), why)),
            None => Ok(()),
        }
    }

    fn set_limits(&mut self, id: AccountId, limits: Limits, reason: &str, now: Now) {
        self.ledger.amend(id, |record| {
            record.daily_limit = limits.daily.unwrap_or(record.daily_limit);
            record.total_limit = limits.total.unwrap_or(record.total_limit);
        });
        let record = &self.ledger.account(id).record;
        let has_limit = record.daily_limit != 0 || record.total_limit != 0;
        let kind = if has_limit { Kind::LimitSet } else { Kind::LimitRemoved };
        self.note(kind, id, reason, now);
    }

    /// Somebody has put another usage file in the place of ours: what they changed holds, what has
    /// moved since goes on top.
    pub(super) fn edited(&mut self, edit: &Edit, now: Now) {
        let Some(id) = self.ledger.find(&edit.key) else { return };
        let limits = Limits { daily: edit.daily_limit, total: edit.total_limit };
        if limits != Limits::default() {
            self.set_limits(id, limits, "the usage file was edited", now);
        }
        if edit.total_usage.is_none() && edit.daily_usage.is_none() {
            return;
        }
        self.note(Kind::Reset, id, "the usage file was edited", now);
        self.ledger.amend(id, |record| {
            record.exceeded_at = None;
            if let Some((old, new)) = edit.total_usage {
                let since = record.total_usage().saturating_sub(old);
                record.baseline_usage = new;
                record.mark =
                    record.mark.saturating_add(record.last_stats - since.min(record.last_stats));
                record.last_stats = since.min(record.last_stats);
            }
            if let Some((old, new)) = edit.daily_usage {
                record.daily_usage = new.saturating_add(record.daily_usage.saturating_sub(old));
            }
        });
    }

    /// A user whose line in passwd is as it was but for the name is the same user.
    pub(super) fn follow_renames(&mut self) {
        let renamed = |record: &crate::ledger::record::Record| {
            let uid = record.uid.filter(|_| record.service == Service::Ssh)?;
            let key = self.users.key(uid);
            let same_line = record.passwd_digest == self.users.digest(uid);
            let is_new = self.users.uid(&record.name).is_none() && self.ledger.find(&key).is_none();
            (same_line && is_new && key.service == Service::Ssh).then_some(key)
        };
        let accounts = self.ledger.iter();
        let renamed: Vec<_> =
            accounts.filter_map(|(id, account)| Some((id, renamed(&account.record)?))).collect();
        for (id, key) in renamed {
            // Two accounts cannot both take the name.
            if self.ledger.find(&key).is_none() {
                self.persist.removed(self.ledger.account(id).record.key());
                self.ledger.rename(id, &key);
            }
        }
    }

    /// Strikes out users who have been gone from passwd for a while.
    pub(super) fn retire(&mut self, now: Now) {
        let gone = |name: &str| self.users.uid(name).is_none();
        let accounts = self.ledger.iter();
        let gone: Vec<_> = accounts
            .filter(|(_, account)| {
                account.record.service == Service::Ssh && gone(&account.record.name)
            })
            .map(|(id, _)| id)
            .collect();
        self.gone_since.retain(|id, _| gone.contains(id));
        for id in gone {
            let since = *self.gone_since.entry(id).or_insert(now.monotonic);
            if now.monotonic.saturating_sub(since) >= GRACE && !self.is_being_deleted(id) {
                self.note(Kind::Deleted, id, "the user is gone from passwd", now);
                self.persist.removed(self.ledger.account(id).record.key());
                self.ledger.strike_out(id);
                self.gone_since.remove(&id);
            }
        }
    }

    pub(super) fn note(&mut self, kind: Kind, id: AccountId, reason: &str, now: Now) {
        let record = self.ledger.account(id).record.clone();
        self.persist.note(kind, record, reason, now);
    }
}
