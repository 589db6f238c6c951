//! Which account a slot's bytes belong to: uid, then name, then account.

use std::collections::HashMap;

use vpnmon_common::{owner::Owner, slot::OVERFLOW_SLOT};

use super::Engine;
use crate::{
    event::{Claimed, Command, Counter, Now, Reading},
    ledger::{AccountId, record::Record},
    model::{AccountKey, Bytes, Service},
    network::OTHER,
    users::{LOOPBACK, OVERFLOW, TRANSPORT, UNATTRIBUTED},
};

/// The slots in use, and who holds them.
#[derive(Debug, Default)]
pub struct Slots {
    held: Vec<Option<Held>>,
    /// Whether those of before the start are.
    are_known: bool,
    /// Rows of packets that belong to nobody, before there is one such packet.
    unopened: HashMap<u32, Owner>,
    /// After a start: whose bytes a uid's counter held when the agent last looked.
    expected: HashMap<u32, AccountId>,
}

/// A slot in use.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub owner: Owner,
    pub account: AccountId,
    pub reading: Bytes,
    /// Packets that its limit had refused when it was read last.
    pub refused: u64,
}

impl Slots {
    /// Whose account a slot counts for.
    pub fn account(&self, slot: u32) -> Option<AccountId> {
        Some(self.held.get(usize::try_from(slot).ok()?)?.as_ref()?.account)
    }

    /// Who has a slot.
    pub fn owner(&self, slot: u32) -> Option<Owner> {
        Some(self.held.get(usize::try_from(slot).ok()?)?.as_ref()?.owner)
    }

    /// The counter of this uid was `account`'s before the agent stopped.
    pub fn expect_holder(&mut self, uid: Option<u32>, account: AccountId) {
        if let Some(uid) = uid {
            self.expected.insert(uid, account);
        }
    }

    /// Who holds a slot.
    pub fn get(&self, slot: u32) -> Option<&Held> {
        self.held.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Held> {
        self.held.get_mut(usize::try_from(slot).ok()?)?.as_mut()
    }

    /// Nobody holds it any more.
    pub fn take(&mut self, slot: u32) {
        let index = usize::try_from(slot).ok();
        if let Some(held) = index.and_then(|index| self.held.get_mut(index)) {
            *held = None;
        }
    }

    /// Somebody holds it.
    pub fn put(&mut self, slot: u32, held: Held) {
        let Ok(index) = usize::try_from(slot) else { return };
        if self.held.len() <= index {
            self.held.resize(index + 1, None);
        }
        self.held[index] = Some(held);
    }
}

/// The counter at `slot`, as limits have it.
const fn counter(owner: Owner, slot: u32) -> Counter {
    match owner {
        Owner::Uid(uid) => Counter::Uid(uid),
        _ => Counter::Slot(slot),
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
        let is_first_look = !std::mem::replace(&mut self.slots.are_known, true);
        for Claimed { slot, owner } in claimed {
            self.claim(*slot, *owner, now);
        }
        let mut by_mark = Vec::new();
        for Reading { slot, bytes, refused } in moved {
            if let Some(owner) = self.slots.unopened.remove(slot) {
                self.open_reserved(*slot, owner, now);
            }
            let Some(held) = self.slots.get_mut(*slot) else {
                self.marks.note(*slot, *bytes, *refused);
                continue;
            };
            let before = std::mem::replace(&mut held.refused, *refused);
            let (owner, id) = (held.owner, held.account);
            by_mark.extend(matches!(owner, Owner::Mark(_)).then_some(id));
            if !matches!(owner, Owner::Forward(_)) {
                held.reading = *bytes;
                self.rates.moved(&self.ledger, id);
                self.ledger.book(id, *bytes, now);
                self.judge(id, now);
            }
            // What was refused before the first look may have been forgiven; the kernel tells, when it
            // is armed, who is still cut.
            if before != *refused && !is_first_look {
                self.refused(counter(owner, *slot), now);
            }
        }
        self.book_clients(moved, now);
        if !self.slots.expected.is_empty() {
            // What was expected is booked now; from here on the names decide.
            self.slots.expected.clear();
            self.rebind(now);
        }
        let mut commands = self.order_xray_of(&by_mark);
        commands.extend(self.warn_of_overflow(moved, now));
        commands
    }

    fn claim(&mut self, slot: u32, owner: Owner, now: Now) {
        let account = match owner {
            Owner::Uid(uid) => self.claim_uid(uid, now),
            Owner::Mark(mark) => return self.claim_mark(slot, mark),
            Owner::FormerMark(_) => return,
            Owner::Forward(_) => match self.claim_client(slot, now) {
                Some(account) => account,
                None => return,
            },
            _ => {
                self.slots.unopened.insert(slot, owner);
                return;
            }
        };
        self.slots.put(slot, Held { owner, account, reading: Bytes::default(), refused: 0 });
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
        let (service, name) = match owner {
            Owner::Unattributed => (Service::System, UNATTRIBUTED),
            Owner::Overflow => (Service::System, OVERFLOW),
            Owner::Loopback => (Service::System, LOOPBACK),
            Owner::Transport => (Service::System, TRANSPORT),
            Owner::ForwardOther => (Service::Forward, OTHER),
            Owner::Uid(_) | Owner::Forward(_) | Owner::Mark(_) | Owner::FormerMark(_) => return,
        };
        let account = self.ledger.open(&AccountKey::new(service, name), now);
        self.slots.put(slot, Held { owner, account, reading: Bytes::default(), refused: 0 });
    }

    /// Gives each counter to whoever has its uid now. Up to this reading it was the other's.
    pub(super) fn rebind(&mut self, now: Now) {
        for index in 0..self.slots.held.len() {
            let Some(held @ Held { owner: Owner::Uid(uid), account, reading, .. }) =
                self.slots.held[index]
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
            self.slots.held[index] = Some(Held { account, ..held });
        }
        self.forget_old_uids();
        self.open_people(now);
    }

    /// An account is struck out: its counters go on for whoever has their uid.
    pub(super) fn give_slots_away(&mut self, from: AccountId, now: Now) {
        for index in 0..self.slots.held.len() {
            let Some(held) = self.slots.held[index].filter(|held| held.account == from) else {
                continue;
            };
            let Owner::Uid(uid) = held.owner else { continue };
            let account = self.ledger.open(&self.users.key(uid), now);
            self.ledger.begin(account, Some(uid), held.reading);
            self.slots.held[index] = Some(Held { account, ..held });
        }
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
