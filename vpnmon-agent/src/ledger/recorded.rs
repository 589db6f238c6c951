//! What the history is to have of an account: a count that no reset and no new counter lowers.

use serde::{Deserialize, Serialize};

use crate::{
    ledger::record::Record,
    model::{AccountKey, Bytes},
};

/// Room for so many new accounts a second, each with a number of its own.
const NUMBERS_A_SECOND: u32 = 20;

/// The part of a record that the history goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Tells the account from every other there ever was, also from one of the same name; 0 before
    /// it has a number.
    pub number: u64,
    /// Bytes that were counted while the history was kept.
    pub bytes: Bytes,
}

/// How far an account has come at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number that is the account's alone.
    pub number: u64,
    /// What the account is called now.
    pub key: AccountKey,
    /// Bytes that were counted while the history was kept.
    pub bytes: Bytes,
    /// Unix time of its last byte, in seconds.
    pub at: u64,
    /// It counts no more.
    pub is_last: bool,
}

impl Mark {
    /// Of an account as it is.
    pub fn of(record: &Record) -> Self {
        let Recorded { number, bytes } = record.recorded;
        Self { number, key: record.key(), bytes, at: record.last_update, is_last: false }
    }
}

/// The next number after `last`: one that no earlier run has given either, unless the clock stood
/// behind it.
pub const fn next_number(last: u64, unix_seconds: u64) -> u64 {
    let first = unix_seconds << NUMBERS_A_SECOND;
    if first > last { first } else { last + 1 }
}
