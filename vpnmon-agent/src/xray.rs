//! Xray as the engine hears of it, without I/O.

use std::{collections::BTreeMap, sync::Arc};

use crate::model::{Bytes, Service};

/// Something happened to Xray. Users are named as their accounts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XrayEvent {
    /// The users of the config, as it is now.
    Users(BTreeMap<String, Service>),
    /// The counters that are not as they were.
    Counted(Counted),
    /// The API answers.
    Up,
    /// It does not, and why.
    Down(String),
    /// Which marks of the config Xray runs with, by name of account.
    Marks {
        /// A mark a user.
        marks: BTreeMap<String, u32>,
        /// Whether its process is known, so that its sockets can be told.
        is_seen: bool,
        /// Whether another process runs with them than before: what the API had put into that is gone.
        is_fresh: bool,
        /// Whether the process is known to have read just them.
        is_certain: bool,
        /// What is wrong with them.
        problem: Option<String>,
    },
    /// Over the API a user has got a mark.
    Marked {
        /// Who.
        name: String,
        /// Which.
        mark: u32,
    },
    /// The API can give nobody a mark.
    NotMarked {
        /// Why.
        reason: String,
    },
    /// An earlier agent has taken these users out; they still are.
    Out(Vec<String>),
    /// A user is taken out.
    Removed {
        /// Who.
        name: String,
        /// What of it could not be done, if anything; what was done.
        how: String,
    },
    /// A user is back.
    Restored {
        /// Who.
        name: String,
    },
    /// It does not work, is tried again, and this is why.
    Failed {
        /// Who.
        name: String,
        /// What, and why.
        reason: String,
    },
}

/// An answer of the statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// When the process began, in seconds of the monotonic clock, give or take two; `None` where it
    /// does not tell.
    pub started: Option<u64>,
    /// The process, by id and start, where it is on this machine and known: it decides alone.
    pub process: Option<(u32, u64)>,
    /// Whether it is the first answer on a connection, which has all counters and not the changed
    /// ones alone.
    pub is_first: bool,
    /// Raw counters.
    pub counters: Vec<(Arc<str>, Bytes)>,
}
