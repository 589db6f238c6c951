//! Lines of `events.jsonl`: what the admin must be able to look up later.

use crate::ledger::record::Record;
pub use crate::model::incident::Kind;

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
