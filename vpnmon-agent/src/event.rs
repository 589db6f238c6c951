//! What happens to the engine, and what it wants done: the two closed lists between I/O and logic.

use std::time::Duration;

use jiff::civil::Date;
use vpnmon_common::owner::Owner;

use crate::{
    ledger::{incident::Incident, record::Record},
    model::{AccountKey, Bytes},
    users::Users,
};

/// The moment of an event, from the clock source.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Unix time, in seconds.
    pub unix_seconds: u64,
    /// Local date.
    pub today: Date,
    /// Since some fixed moment; never goes back, and stands still while the machine sleeps.
    pub monotonic: Duration,
}

/// A slot that has an owner since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Index in the slot array.
    pub slot: u32,
    /// Whose it is.
    pub owner: Owner,
}

/// The counters of a slot, raw: since the maps were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Index in the slot array.
    pub slot: u32,
    /// Both counters.
    pub bytes: Bytes,
}

/// Something happened outside.
#[derive(Debug)]
pub enum Event<'a> {
    /// The kernel gave out slots, and these counters moved.
    Drained {
        /// New owners.
        claimed: &'a [Claimed],
        /// Moved counters; of known slots only.
        moved: &'a [Reading],
    },
    /// The account database changed.
    Users(Users),
    /// A second has passed.
    Second,
    /// Time to write down what has changed.
    PersistDue,
    /// Somebody, perhaps we, wrote to these usage files, by file name.
    Touched(Vec<String>),
    /// The writer is done with a batch.
    Stored(Stored),
}

/// Something the engine wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Write to the state directory; answered by [`Event::Stored`].
    Store(Batch),
    /// Tell the admin, in the log.
    Warn(String),
}

/// One group of writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Usage files to replace.
    pub records: Vec<Record>,
    /// Usage files of accounts that have another name now.
    pub removed: Vec<AccountKey>,
    /// All accounts, where the snapshot is to be replaced; written before the usage files.
    pub snapshot: Option<Vec<Record>>,
    /// Usage files that somebody may have changed, by file name.
    pub touched: Vec<String>,
    /// Lines for `events.jsonl`.
    pub incidents: Vec<Incident>,
}

/// What somebody has changed in a usage file; `None` where it is as we wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Whose file it is.
    pub key: AccountKey,
    /// What we wrote, and what stands there now.
    pub total_usage: Option<(u64, u64)>,
    /// What we wrote, and what stands there now.
    pub daily_usage: Option<(u64, u64)>,
    /// Bytes; 0 is unlimited.
    pub daily_limit: Option<u64>,
    /// Bytes; 0 is unlimited.
    pub total_limit: Option<u64>,
}

/// How a batch went.
#[derive(Debug, Default)]
pub struct Stored {
    /// What was found changed by somebody else; not overwritten.
    pub edits: Vec<Edit>,
    /// Files that had to be set aside.
    pub incidents: Vec<Incident>,
    /// How long it took.
    pub took: Duration,
    /// What could not be written, to be tried again.
    pub failed: Batch,
    /// Why the first of it failed.
    pub error: Option<String>,
}
