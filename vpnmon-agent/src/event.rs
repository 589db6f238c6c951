//! What happens to the engine, and what it wants done: the two closed lists between I/O and logic.

use vpnmon_common::owner::Owner;

pub use crate::{
    ledger::batch::{Batch, Edit, Stored},
    time::Now,
};
use crate::{model::Bytes, session::SessionEvent, users::Users};

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
    /// Sessions began and ended.
    Sessions(Vec<SessionEvent>),
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
