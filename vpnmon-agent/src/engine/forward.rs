//! Accounts of tunnel clients. Several addresses can be one account: its counter is the sum of
//! their slots.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use vpnmon_common::owner::Owner;

use super::{Engine, binding::Held};
use crate::{
    event::{Client, Now, Reading},
    ledger::{AccountId, record::Record},
    model::{AccountKey, Bytes, Service},
    network::Names,
};

/// Who the clients are, and what they have moved.
#[derive(Debug, Default)]
pub struct Clients {
    names: Names,
    /// By slot.
    addresses: HashMap<u32, IpAddr>,
    /// After a start: whose bytes an address' counter held when the agent last looked.
    expected: HashMap<IpAddr, AccountId>,
    /// What the slots of an account have counted together.
    sums: HashMap<AccountId, Bytes>,
}

impl Clients {
    /// The counters of these addresses were `account`'s before the agent stopped.
    pub fn expect_holder(&mut self, addresses: &[IpAddr], account: AccountId) {
        self.expected.extend(addresses.iter().map(|address| (*address, account)));
    }

    /// What the account's slots have counted.
    fn sum(&self, account: AccountId) -> Bytes {
        self.sums.get(&account).copied().unwrap_or_default()
    }

    fn change(&mut self, account: AccountId, change: impl Fn(u64, u64) -> u64, by: Bytes) {
        let sum = self.sums.entry(account).or_default();
        sum.uplink = change(sum.uplink, by.uplink);
        sum.downlink = change(sum.downlink, by.downlink);
    }
}

impl Engine {
    /// The addresses of slots that are about to be claimed.
    pub(super) fn learn_clients(&mut self, clients: &[Client]) {
        let known = clients.iter().map(|client| (client.slot, client.address));
        self.clients.addresses.extend(known);
    }

    /// The account of a client's slot.
    pub(super) fn claim_client(&mut self, slot: u32, now: Now) -> Option<AccountId> {
        let address = *self.clients.addresses.get(&slot)?;
        if let Some(account) = self.clients.expected.get(&address) {
            return Some(*account);
        }
        let key = AccountKey::new(Service::Forward, self.clients.names.of(address));
        let account = self.ledger.open(&key, now);
        self.ledger.amend(account, |record| add(record, address));
        Some(account)
    }

    /// The slots that count for the account, and what they were read at.
    pub(super) fn client_slots(&self, account: AccountId) -> Vec<(u32, Bytes)> {
        let known = self.clients.addresses.keys();
        let held = known.filter_map(|slot| Some((*slot, self.slots.get(*slot)?)));
        let ours = held.filter(|(_, held)| held.account == account);
        ours.map(|(slot, held)| (slot, held.reading)).collect()
    }

    /// Takes the readings of clients' slots in, then books each account once: half a sum would look
    /// like a counter that goes back.
    pub(super) fn book_clients(&mut self, moved: &[Reading], now: Now) {
        let mut booked = BTreeSet::new();
        for Reading { slot, bytes, .. } in moved {
            let Some(held) = self.slots.get_mut(*slot) else { continue };
            if !matches!(held.owner, Owner::Forward(_)) {
                continue;
            }
            let before = std::mem::replace(&mut held.reading, *bytes);
            let by = Bytes {
                uplink: bytes.uplink.saturating_sub(before.uplink),
                downlink: bytes.downlink.saturating_sub(before.downlink),
            };
            self.clients.change(held.account, u64::saturating_add, by);
            booked.insert(held.account);
        }
        for account in booked {
            self.rates.moved(&self.ledger, account);
            self.ledger.book(account, self.clients.sum(account), now);
            self.judge(account, now);
        }
        if !self.clients.expected.is_empty() {
            // What was expected is booked now; from here on the names decide.
            self.clients.expected.clear();
            self.rename_clients(now);
        }
    }

    /// Other names: each counter goes to whoever has its address now. Up to this reading it was the
    /// other's.
    pub(super) fn name_clients(&mut self, names: Names, now: Now) {
        self.clients.names = names;
        if self.clients.expected.is_empty() {
            self.rename_clients(now);
        }
    }

    fn rename_clients(&mut self, now: Now) {
        let slots: Vec<_> = self.clients.addresses.iter().map(|(slot, at)| (*slot, *at)).collect();
        for (slot, address) in slots {
            let key = AccountKey::new(Service::Forward, self.clients.names.of(address));
            let Some(Held { account, reading, .. }) = self.slots.get_mut(slot).copied() else {
                continue;
            };
            if self.ledger.account(account).record.key() == key {
                continue;
            }
            let heir = self.ledger.open(&key, now);
            self.clients.change(account, u64::saturating_sub, reading);
            self.clients.change(heir, u64::saturating_add, reading);
            for account in [account, heir] {
                self.ledger.begin(account, None, self.clients.sum(account));
            }
            self.ledger.amend(account, |record| record.clients.retain(|other| *other != address));
            self.ledger.amend(heir, |record| add(record, address));
            if let Some(held) = self.slots.get_mut(slot) {
                held.account = heir;
            }
        }
    }
}

fn add(record: &mut Record, address: IpAddr) {
    if !record.clients.contains(&address) {
        record.clients.push(address);
    }
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
