//! Lines of `events.jsonl`: what the admin must be able to look up later.

use serde::Serialize;

use crate::ledger::record::Record;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An account has a limit from now on, or another one.
    LimitSet,
    /// It has none any more.
    LimitRemoved,
    /// Its usage went back to 0; the numbers are those before.
    Reset,
    /// An account is gone; its last numbers.
    Deleted,
    /// Counters of a new life of the kernel's maps are booked from now on.
    Epoch,
    /// A file in the state directory could not be read and was set aside.
    BadFile,
    /// Something works less well than it should.
    Degraded,
    /// It works again.
    Recovered,
}

/// One event of `events.jsonl`; the writer adds the time it happened in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Unix time, in seconds.
    pub at: u64,
    /// What happened.
    pub kind: Kind,
    /// To which account, if to one: as it was then.
    pub account: Option<Box<Record>>,
    /// Why, in words.
    pub reason: String,
}
