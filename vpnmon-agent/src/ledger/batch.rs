//! What the ledger gives to the disk, and what comes back.

use std::time::Duration;

use crate::{
    hosts::{Line, keep::HostsBatch},
    ledger::{incident::Incident, record::Record, recorded::Mark},
    model::AccountKey,
};

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
    /// Last marks for the history, of accounts that are no more.
    pub parted: Vec<Mark>,
    /// What of the hosts is to be written.
    pub hosts: Box<HostsBatch>,
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
    /// Lines of somebody else in `hosts.log`; not overwritten.
    pub found_hosts: Vec<Line>,
    /// Files that had to be set aside.
    pub incidents: Vec<Incident>,
    /// How long it took.
    pub took: Duration,
    /// What could not be written, to be tried again.
    pub failed: Batch,
    /// Why the first of it failed.
    pub error: Option<String>,
    /// What is wrong with the history; empty where nothing is, `None` where nobody has looked.
    pub history: Option<String>,
}
