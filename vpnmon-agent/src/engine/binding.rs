//! Which account a slot's bytes belong to: uid, then name, then account.

use std::collections::HashMap;

use vpnmon_common::{owner::Owner, slot::OVERFLOW_SLOT};

use super::Engine;
use crate::{
    event::{Claimed, Command, Now, Reading},
    ledger::{AccountId, record::Record},
    model::{AccountKey, Bytes, Service},
    users::{LOOPBACK, OVERFLOW, UNATTRIBUTED},
};

/// The slots in use, and who holds them.
#[derive(Debug, Default)]
pub struct Slots {
    held: Vec<Option<Held>>,
    /// Rows of packets that belong to nobody, before there is one such packet.
    unopened: HashMap<u32, Owner>,
    /// After a start: whose bytes a uid's counter held when the agent last looked.
    expected: HashMap<u32, AccountId>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    owner: Owner,
    account: AccountId,
    reading: Bytes,
}

impl Slots {
    /// The counter of this uid was `account`'s before the agent stopped.
    pub fn expect_holder(&mut self, uid: Option<u32>, account: AccountId) {
        if let Some(uid) = uid {
            self.expected.insert(uid, account);
        }
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut Held> {
        self.held.get_mut(usize::try_from(slot).ok()?)?.as_mut()
    }

    fn put(&mut self, slot: u32, held: Held) {
        let Ok(index) = usize::try_from(slot) else { return };
        if self.held.len() <= index {
            self.held.resize(index + 1, None);
        }
        self.held[index] = Some(held);
    }
}

impl Engine {
    /// Every `ssh` user is an account, traffic or not.
    pub(super) fn open_people(&mut self, now: Now) {
        let people: Vec<_> = self.users.people().collect();
        for (uid, key) in people {
            let id = self.ledger.open(&key, now);
            // After a start a user may still hold the counter of another uid, until it is rebound.
            if self.ledger.account(id).record.uid.is_none() {
                self.ledger.set_uid(id, Some(uid));
            }
            let digest = self.users.digest(uid);
            if self.ledger.account(id).record.passwd_digest != digest {
                self.ledger.amend(id, |record| record.passwd_digest = digest);
            }
        }
    }

    pub(super) fn drained(
        &mut self,
        claimed: &[Claimed],
        moved: &[Reading],
        now: Now,
    ) -> Vec<Command> {
        for Claimed { slot, owner } in claimed {
            self.claim(*slot, *owner, now);
        }
        for Reading { slot, bytes } in moved {
            if let Some(owner) = self.slots.unopened.remove(slot) {
                self.open_reserved(*slot, owner, now);
            }
            if let Some(held) = self.slots.get_mut(*slot) {
                held.reading = *bytes;
                let id = held.account;
                self.rates.moved(&self.ledger, id);
                self.ledger.book(id, *bytes, now);
            }
        }
        if !self.slots.expected.is_empty() {
            // What was expected is booked now; from here on the names decide.
            self.slots.expected.clear();
            self.rebind(now);
        }
        self.warn_of_overflow(moved, now).into_iter().collect()
    }

    fn claim(&mut self, slot: u32, owner: Owner, now: Now) {
        let Owner::Uid(uid) = owner else {
            self.slots.unopened.insert(slot, owner);
            return;
        };
        let account = self.claim_uid(uid, now);
        self.slots.put(slot, Held { owner, account, reading: Bytes::default() });
    }

    fn claim_uid(&mut self, uid: u32, now: Now) -> AccountId {
        if let Some(account) = self.slots.expected.get(&uid) {
            return *account;
        }
        let account = self.ledger.open(&self.users.key(uid), now);
        let record = &self.ledger.account(account).record;
        // Without raw counters the usage file alone was left: the first reading continues it.
        let continues = record.raw.is_none_or(|raw| raw == Bytes::default());
        if continues {
            self.ledger.set_uid(account, Some(uid));
        } else {
            self.ledger.begin(account, Some(uid), Bytes::default());
        }
        account
    }

    fn open_reserved(&mut self, slot: u32, owner: Owner, now: Now) {
        let name = match owner {
            Owner::Unattributed => UNATTRIBUTED,
            Owner::Overflow => OVERFLOW,
            Owner::Loopback => LOOPBACK,
            Owner::Uid(_) => return,
        };
        let account = self.ledger.open(&AccountKey::new(Service::System, name), now);
        self.slots.put(slot, Held { owner, account, reading: Bytes::default() });
    }

    /// Gives each counter to whoever has its uid now. Up to this reading it was the other's.
    pub(super) fn rebind(&mut self, now: Now) {
        for index in 0..self.slots.held.len() {
            let Some(Held { owner: Owner::Uid(uid), account, reading }) = self.slots.held[index]
            else {
                continue;
            };
            let key = self.users.key(uid);
            let current = self.ledger.account(account).record.key();
            if current == key {
                self.ledger.set_uid(account, Some(uid));
                continue;
            }
            let account = self.hand_over(account, &current, uid, &key, reading, now);
            self.slots.held[index] = Some(Held { owner: Owner::Uid(uid), account, reading });
        }
        self.forget_old_uids();
        self.open_people(now);
    }

    /// An account that the uid is no longer the name of must not be expected to hold its counter.
    fn forget_old_uids(&mut self) {
        let is_old =
            |record: &Record| record.uid.is_some_and(|uid| self.users.key(uid) != record.key());
        let accounts = self.ledger.iter();
        let old: Vec<_> =
            accounts.filter(|(_, account)| is_old(&account.record)).map(|(id, _)| id).collect();
        for id in old {
            self.ledger.set_uid(id, None);
        }
    }

    fn hand_over(
        &mut self,
        from: AccountId,
        current: &AccountKey,
        uid: u32,
        key: &AccountKey,
        reading: Bytes,
        now: Now,
    ) -> AccountId {
        let nameless = AccountKey::new(Service::System, format!("uid:{uid}"));
        if *current == nameless && self.ledger.account(from).counts_from_zero() {
            // Traffic before the account database named the uid: the same person's.
            self.persist.removed(nameless);
            return self.ledger.absorb(from, key, uid, now);
        }
        // Unless it has got another counter in this round: its next one starts from zero.
        if self.ledger.account(from).record.uid == Some(uid) {
            self.ledger.begin(from, None, Bytes::default());
        }
        let heir = self.ledger.open(key, now);
        self.ledger.begin(heir, Some(uid), reading);
        heir
    }

    /// Once: later packets of the same accounts say nothing new.
    fn warn_of_overflow(&mut self, moved: &[Reading], now: Now) -> Option<Command> {
        if self.overflow_told || !moved.iter().any(|reading| reading.slot == OVERFLOW_SLOT) {
            return None;
        }
        self.overflow_told = true;
        let warning = format!(
            "more accounts than meter.max_accounts = {}: the rest count in the row \
             system:overflow; raise it and restart the agent",
            self.settings.max_accounts
        );
        self.persist.degraded(&warning, now);
        self.settings.about.degraded.push(warning.clone());
        Some(Command::Warn(warning))
    }
}
