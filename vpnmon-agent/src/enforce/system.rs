//! What enforcing asks of the machine. Errors are reasons, in words.

use std::collections::BTreeSet;

use super::{
    account::{Account, Change},
    journal::Entry,
};
use crate::order::{Person, Process, Step};

/// Why something could not be done.
pub type Reason = String;

/// The machine, or a test's.
pub trait System {
    /// The user of this name.
    fn account(&mut self, name: &str) -> Result<Option<Account>, Reason>;

    /// Whose uid this is, now.
    fn name_of(&mut self, uid: u32) -> Result<Option<String>, Reason>;

    /// Why a user must be left alone, if so.
    fn protection(&mut self, name: &str) -> Option<String>;

    /// Changes a user's lines.
    fn change(&mut self, name: &str, change: &Change) -> Result<(), Reason>;

    /// Replaces the journal; on disk when it returns.
    fn save(&mut self, journal: &[Entry]) -> Result<(), Reason>;

    /// Processes of the uid, and those of `sessions` that are still there.
    fn processes(&mut self, uid: u32, sessions: &BTreeSet<Process>) -> Vec<Process>;

    /// Asks processes to end, or ends them with all that the uid runs. Their sockets, which may be
    /// root's and outlive them, are noted first.
    fn signal(&mut self, person: &Person, processes: &[Process], kill: bool);

    /// Destroys the uid's sockets and those noted. How many are left.
    fn destroy_sockets(&mut self, person: &Person) -> Result<usize, Reason>;

    /// What was noted of a person is not needed any more.
    fn forget(&mut self, person: &Person);

    /// Takes away what `step` names, and looks whether it is gone. What was left alone, and why.
    fn remove(
        &mut self,
        step: Step,
        person: &Person,
        account: &Account,
    ) -> Result<Option<String>, Reason>;
}
