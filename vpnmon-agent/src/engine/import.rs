//! Takes over what the old panel knew: usage goes into the baseline, once.

use super::Engine;
use crate::{
    event::Now,
    ledger::{AccountId, incident::Kind},
    model::{AccountKey, Imported, Service},
};

/// How an import went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Accounts that have changed by it.
    pub changed: usize,
    /// Accounts that were as the files have them already.
    pub unchanged: usize,
    /// Names that no user of this machine has.
    pub unknown: usize,
}

impl Engine {
    /// Takes the accounts over. The same files a second time change nothing.
    pub fn import(&mut self, accounts: &[Imported], now: Now) -> Taken {
        let mut taken = Taken::default();
        for account in accounts {
            let Some(key) = self.imported_key(account) else {
                taken.unknown += 1;
                continue;
            };
            let id = self.ledger.open(&key, now);
            if self.take(id, account, now) {
                taken.changed += 1;
            } else {
                taken.unchanged += 1;
            }
        }
        taken
    }

    /// An `ssh` account must be a user of the machine; one whose kind the panel did not keep too.
    fn imported_key(&self, account: &Imported) -> Option<AccountKey> {
        match account.service {
            None | Some(Service::Ssh) => {
                let key = self.users.key(self.users.uid(&account.name)?);
                (key.service == Service::Ssh).then_some(key)
            }
            Some(service) => Some(AccountKey::new(service, account.name.clone())),
        }
    }

    fn take(&mut self, id: AccountId, account: &Imported, now: Now) -> bool {
        let before = self.ledger.account(id).record.clone();
        let mut after = before.clone();
        let used_before = before.imported.unwrap_or_default();
        let used = account.used.unwrap_or(used_before);
        after.imported = Some(used);
        // A panel that went on counting adds what it has counted since.
        after.baseline_usage =
            before.baseline_usage.saturating_add(used.saturating_sub(used_before));
        if before.imported.is_none() {
            // Later imports leave alone what has been decided here since.
            if before.total_limit == 0 && before.daily_limit == 0 {
                after.total_limit = account.total_limit.unwrap_or_default();
                after.daily_limit = account.daily_limit.unwrap_or_default();
            }
            after.is_disabled |= account.is_disabled;
            let today = account.daily_used.filter(|(day, _)| *day == now.today);
            after.daily_usage =
                before.daily_usage.saturating_add(today.map_or(0, |(_, bytes)| bytes));
        }
        if after == before {
            return false;
        }
        let limits = (after.total_limit, after.daily_limit);
        let sets_limit = limits != (before.total_limit, before.daily_limit);
        self.ledger.amend(id, |record| *record = after);
        if sets_limit {
            self.note(Kind::LimitSet, id, "imported from the old panel", now);
        }
        true
    }
}
