//! Bits per second, over the last whole second.

use std::{collections::HashMap, time::Duration};

use crate::{
    ledger::{AccountId, Ledger},
    model::Bytes,
};

/// Rates of the accounts that move; all others stand still.
#[derive(Debug, Default)]
pub struct Rates {
    active: HashMap<AccountId, Rate>,
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
        let since = ledger.account(id).record.bytes;
        self.active.entry(id).or_insert(Rate { since, bps: Bytes::default() });
    }

    /// A second has passed, more or less: the elapsed time is measured.
    pub fn second(&mut self, ledger: &Ledger, monotonic: Duration) {
        let Some(elapsed) = self.last.replace(monotonic).map(|last| monotonic.saturating_sub(last))
        else {
            self.active.clear();
            return;
        };
        self.known = true;
        self.active.retain(|id, rate| {
            let bytes = ledger.account(*id).record.bytes;
            rate.bps = Bytes {
                uplink: per_second(bytes.uplink.saturating_sub(rate.since.uplink), elapsed),
                downlink: per_second(bytes.downlink.saturating_sub(rate.since.downlink), elapsed),
            };
            rate.since = bytes;
            rate.bps != Bytes::default()
        });
    }

    /// Bits per second of an account; `None` before the first second is over.
    pub fn of(&self, id: AccountId) -> Option<Bytes> {
        let moving = self.active.get(&id).map(|rate| rate.bps);
        self.known.then_some(moving.unwrap_or_default())
    }
}

fn per_second(bytes: u64, elapsed: Duration) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000;
    let rate = bits / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}
