//! Usage by hour and day, in one file that is made for it (`history.redb`).
//!
//! Hours and days are those of the machine's clock on the wall, as the ledger's day is: zones half an
//! hour off make no UTC hour fit a local day. The hour that a change of the clocks repeats is one row.
//!
//! A row belongs to an account's number ([`crate::ledger::recorded`]), so neither a new name nor a
//! reset touches it. Beside the rows stands how far each account had come when they were written: what
//! a crash has kept from them is what the ledger's record is ahead, and is booked at the next start.

mod block;
mod day;
mod file;
mod fuzz;
mod keep;
mod prune;
mod read;
mod row;
mod settle;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod wanted;

pub use self::{
    fuzz::fuzz,
    keep::History,
    read::{NoReport, Reader},
};
