//! Bits per second, over the last whole second.

use std::time::Duration;

use crate::{
    ledger::{AccountId, Ledger},
    model::Bytes,
};

/// Rates of the accounts that move; all others stand still.
#[derive(Debug, Default)]
pub struct Rates {
    /// Those that move.
    active: Vec<AccountId>,
    /// By account; only those that move have one.
    by_account: Vec<Option<Rate>>,
    last: Option<Duration>,
    known: bool,
}

#[derive(Debug)]
struct Rate {
    /// Bytes of the account when the second began.
    since: Bytes,
    bps: Bytes,
}

impl Rates {
    /// The account is about to be booked bytes.
    pub fn moved(&mut self, ledger: &Ledger, id: AccountId) {
        if self.by_account.len() <= id.index() {
            self.by_account.resize_with(id.index() + 1, || None);
        }
        let rate = &mut self.by_account[id.index()];
        if rate.is_none() {
            let since = ledger.account(id).record.bytes;
            *rate = Some(Rate { since, bps: Bytes::default() });
            self.active.push(id);
        }
    }

    /// A second has passed, more or less: the elapsed time is measured.
    pub fn second(&mut self, ledger: &Ledger, monotonic: Duration) {
        let Some(elapsed) = self.last.replace(monotonic).map(|last| monotonic.saturating_sub(last))
        else {
            self.active.clear();
            self.by_account.clear();
            return;
        };
        self.known = true;
        let by_account = &mut self.by_account;
        self.active.retain(|id| {
            let slot = &mut by_account[id.index()];
            let Some(rate) = slot else { return false };
            let bytes = ledger.account(*id).record.bytes;
            rate.bps = Bytes {
                uplink: per_second(bytes.uplink.saturating_sub(rate.since.uplink), elapsed),
                downlink: per_second(bytes.downlink.saturating_sub(rate.since.downlink), elapsed),
            };
            rate.since = bytes;
            let moves = rate.bps != Bytes::default();
            if !moves {
                *slot = None;
            }
            moves
        });
    }

    /// Bits per second of all accounts; `None` before the first second is over.
    pub fn sum(&self) -> Option<Bytes> {
        let mut sum = Bytes::default();
        for rate in self.active.iter().filter_map(|id| self.by_account.get(id.index())?.as_ref()) {
            sum.uplink = sum.uplink.saturating_add(rate.bps.uplink);
            sum.downlink = sum.downlink.saturating_add(rate.bps.downlink);
        }
        self.known.then_some(sum)
    }

    /// Bits per second of an account; `None` before the first second is over.
    pub fn of(&self, id: AccountId) -> Option<Bytes> {
        let rate = self.by_account.get(id.index()).and_then(Option::as_ref);
        let moving = rate.map(|rate| rate.bps);
        self.known.then_some(moving.unwrap_or_default())
    }
}

fn per_second(bytes: u64, elapsed: Duration) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000;
    let rate = bits / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}
