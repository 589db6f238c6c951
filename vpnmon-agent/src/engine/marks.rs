//! Users of Xray whom the kernel counts, by the mark of the sockets that Xray opens for them.
//!
//! An account has one counter at a time: Xray's, or that of its mark. Where it changes, what the one has
//! counted goes into the baseline, and the other counts from where it stands.

mod compared;
mod due;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use vpnmon_common::owner::Owner;

use self::compared::Compared;
use super::{Engine, binding::Held};
use crate::{
    config::XrayMode,
    event::{Command, Now},
    ledger::{AccountId, record::Record},
    model::Bytes,
};

/// What is known of marks.
#[derive(Debug, Default)]
pub struct Marks {
    /// What Xray's process has read; `None` before the source has told.
    config: Option<InConfig>,
    /// Marks that the agent has ordered, and those that Xray has got of them.
    ordered: BTreeMap<String, u32>,
    over_api: BTreeMap<String, u32>,
    /// Why the API gives nobody a mark.
    api_problem: Option<String>,
    slots: HashMap<u32, MarkSlot>,
    /// Marks by slot.
    by_slot: HashMap<u32, u32>,
    /// The kernel was asked to count these, for whom.
    asked: HashMap<u32, AccountId>,
    /// Whose counters these were when the agent stopped.
    expected: HashMap<u32, AccountId>,
    /// Whether it is another process since they had.
    is_restarted: bool,
    /// Whether all accounts have the counter that is due.
    is_settled: bool,
    compared: Compared,
    /// Hosts that sockets have named, of whom and when: the log tells of them again.
    named: HashMap<(String, Vec<u8>), Duration>,
}

/// Marks of the config.
#[derive(Debug)]
pub struct InConfig {
    pub marks: BTreeMap<String, u32>,
    /// Whether Xray's process is known.
    pub is_seen: bool,
    /// Whether it has taken the place of another, and knows nothing of what the API had said.
    pub is_fresh: bool,
    pub is_certain: bool,
    pub problem: Option<String>,
}

/// A slot that counts a mark, and where it stood before it was an account's.
#[derive(Clone, Copy, Debug)]
struct MarkSlot {
    slot: u32,
    reading: Bytes,
    refused: u64,
}

impl Marks {
    /// The counter of this mark was `account`'s before the agent stopped.
    pub fn expect_holder(&mut self, mark: Option<u32>, account: AccountId) {
        self.expected.extend(mark.map(|mark| (mark, account)));
    }

    /// A slot that is no account's has been read.
    pub fn note(&mut self, slot: u32, reading: Bytes, refused: u64) {
        let mark = self.by_slot.get(&slot);
        if let Some(known) = mark.and_then(|mark| self.slots.get_mut(mark)) {
            (known.reading, known.refused) = (reading, refused);
        }
    }

    /// Xray's counters begin at 0.
    pub fn forget_readings(&mut self) {
        self.compared.clear();
    }

    /// All has to be looked at again.
    pub const fn unsettle(&mut self) {
        self.is_settled = false;
    }
}

impl Engine {
    /// A slot counts a mark.
    pub(super) fn claim_mark(&mut self, slot: u32, mark: u32) {
        let new = MarkSlot { slot, reading: Bytes::default(), refused: 0 };
        self.marks.slots.insert(mark, new);
        self.marks.by_slot.insert(slot, mark);
        let is_holder = |id: &AccountId| self.ledger.account(*id).record.fwmark == Some(mark);
        if let Some(id) = self.marks.expected.get(&mark).copied().filter(is_holder) {
            self.hold_mark(id, mark, new);
            self.ledger.amend(id, |_| {});
        } else if let Some(id) = self.marks.asked.get(&mark).copied() {
            self.count_by_mark(id, mark);
        }
    }

    fn hold_mark(&mut self, account: AccountId, mark: u32, at: MarkSlot) {
        let MarkSlot { slot, reading, refused } = at;
        self.slots.put(slot, Held { owner: Owner::Mark(mark), account, reading, refused });
    }

    /// The slot that counts for the account, by its mark.
    pub(super) fn mark_slot(&self, id: AccountId) -> Option<(u32, Bytes)> {
        let mark = self.ledger.account(id).record.fwmark?;
        let slot = self.marks.slots.get(&mark)?.slot;
        let held = self.slots.get(slot).filter(|held| held.account == id)?;
        Some((slot, held.reading))
    }

    /// From now on the mark is the account's counter; as soon as the kernel counts it.
    fn count_by_mark(&mut self, id: AccountId, mark: u32) -> Option<Command> {
        let is_held = self.mark_slot(id).is_some();
        if is_held && self.ledger.account(id).record.fwmark == Some(mark) {
            return None;
        }
        let Some(at) = self.marks.slots.get(&mark).copied() else {
            return self.marks.asked.insert(mark, id).is_none().then_some(Command::Mark(mark));
        };
        if let Some(other) = self.slots.get(at.slot).map(|held| held.account) {
            self.count_by_api(other);
            self.marks.is_settled = false;
        }
        self.let_go_of_mark(id);
        // Where it was read last, by whoever had it.
        let at = self.marks.slots.get(&mark).copied().unwrap_or(at);
        self.ledger.begin(id, None, at.reading);
        self.ledger.amend(id, |record| record.fwmark = Some(mark));
        self.hold_mark(id, mark, at);
        self.marks.compared.forget(id);
        None
    }

    /// From now on Xray's counter is the account's, from where it stood last.
    fn count_by_api(&mut self, id: AccountId) {
        let at = self.marks.compared.last(id).unwrap_or_default();
        self.let_go_of_mark(id);
        if let Some(epoch) = self.epoch_of_xray() {
            self.ledger.begin_in(id, &epoch, at);
        }
    }

    fn let_go_of_mark(&mut self, id: AccountId) {
        if let Some((slot, reading)) = self.mark_slot(id) {
            let refused = self.slots.get(slot).map_or(0, |held| held.refused);
            self.slots.take(slot);
            self.marks.note(slot, reading, refused);
        }
        if self.ledger.account(id).record.fwmark.is_some() {
            self.ledger.amend(id, |record| record.fwmark = None);
        }
    }

    /// What Xray's counter of an account that the kernel counts stood at last.
    pub(super) fn marks_api(&self, id: AccountId) -> Option<Bytes> {
        self.marks.compared.last(id)
    }

    /// A user is no more, and so is its mark.
    pub(super) fn retire_mark(&mut self, id: AccountId) -> Vec<Command> {
        let Record { name, fwmark, .. } = self.ledger.account(id).record.clone();
        self.let_go_of_mark(id);
        self.marks.over_api.remove(&name);
        let unordered = self.marks.ordered.remove(&name).map(|_| Command::XrayUnmark(name));
        let unmarked = fwmark.map(|mark| self.forget_mark(mark));
        unordered.into_iter().chain(unmarked).collect()
    }

    fn forget_mark(&mut self, mark: u32) -> Command {
        if let Some(known) = self.marks.slots.remove(&mark) {
            self.marks.by_slot.remove(&known.slot);
        }
        self.marks.asked.remove(&mark);
        Command::Unmark(mark)
    }

    /// Gives each account the counter that is due.
    pub(super) fn settle_marks(&mut self) -> Vec<Command> {
        let is_in_doubt = self.settings.xray.mode == XrayMode::Mark && self.marks.config.is_none();
        if self.marks.is_settled || is_in_doubt || !self.xray.is_tried() {
            return Vec::new();
        }
        self.marks.is_settled = true;
        if std::mem::take(&mut self.marks.is_restarted) {
            self.take_back_unmarked();
        }
        let ours = self.ledger.iter().filter(|(_, it)| it.record.service.is_xray());
        let ids: Vec<_> = ours.map(|(id, _)| id).collect();
        let mut commands = Vec::new();
        for id in ids {
            let record = &self.ledger.account(id).record;
            match (self.due_mark(record), record.fwmark) {
                (Some(mark), _) => commands.extend(self.count_by_mark(id, mark)),
                (None, Some(_)) if self.xray.has_answered() => self.count_by_api(id),
                // Better the mark's than none.
                (None, Some(_)) => self.marks.is_settled = false,
                (None, None) => {}
            }
        }
        match self.settings.xray.mode {
            XrayMode::Mark => commands.extend(self.order_marks()),
            XrayMode::Api if self.marks.is_settled => {
                let unused: BTreeSet<_> = self.marks.slots.keys().copied().collect();
                commands.extend(unused.into_iter().map(|mark| self.forget_mark(mark)));
            }
            XrayMode::Api => {}
        }
        commands
    }

    /// Whether the log repeats what a socket of a user has said just now.
    pub(super) fn is_named(&self, user: &str, host: &[u8], now: Now) -> bool {
        let key = (user.to_owned(), plain(host));
        let named = self.marks.named.get(&key);
        named.is_some_and(|at| now.monotonic.saturating_sub(*at) < REPEATS)
    }

    /// A socket of a user has named a host.
    pub(super) fn note_named(&mut self, user: &str, host: &[u8], now: Now) {
        if self.marks.named.len() >= MAX_NAMED {
            self.marks.named.retain(|_, at| now.monotonic.saturating_sub(*at) < REPEATS);
        }
        if self.marks.named.len() < MAX_NAMED {
            self.marks.named.insert((user.to_owned(), plain(host)), now.monotonic);
        }
    }
}

/// The log is read ten times a second.
const REPEATS: Duration = Duration::from_secs(2);
const MAX_NAMED: usize = 65_536;

fn plain(host: &[u8]) -> Vec<u8> {
    host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
