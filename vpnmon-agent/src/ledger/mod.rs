//! What every account has used: the one place where counters become usage.
//!
//! Kernel counters only go up and nobody resets them. A restart, a new life of the maps, a uid that
//! changes hands and the change of the day are all cases of [`account::Account`]'s few functions.
//! No I/O, no clock: `store` writes what [`record::Record`] holds.

pub mod account;
pub mod batch;
pub mod file_name;
pub mod incident;
pub mod record;
pub mod recorded;
pub mod store;
pub mod usage_file;

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::civil::Date;

use crate::{
    ledger::{
        account::Account,
        record::Record,
        recorded::{Mark, next_number},
    },
    model::{AccountKey, Bytes, Service, Usage},
    time::Now,
};

/// Index of an account in the ledger; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(usize);

impl AccountId {
    /// From 0 on, without gaps.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// All accounts.
#[derive(Debug)]
pub struct Ledger {
    usage: Usage,
    epoch: String,
    accounts: Vec<Account>,
    by_key: HashMap<AccountKey, AccountId>,
    /// The one that waits longest first.
    dirty: VecDeque<AccountId>,
    /// Those whose limits may be reached elsewhere now.
    rethought: BTreeSet<AccountId>,
    anchors_moved: bool,
    /// Whether anything was booked since the last snapshot.
    booked: bool,
    today: Date,
    other_day: Date,
    /// Booked since the start, by service: no reset and no deletion takes anything away.
    moved: [Bytes; Service::ALL.len()],
    keeps_history: bool,
    /// The last of [`recorded::Recorded::number`].
    last_number: u64,
    /// The last marks of accounts that are no more.
    parted: Vec<Mark>,
}

impl Ledger {
    /// An empty ledger that books readings of `epoch`.
    #[must_use]
    pub fn new(usage: Usage, epoch: String, today: Date) -> Self {
        Self {
            usage,
            epoch,
            accounts: Vec::new(),
            by_key: HashMap::new(),
            dirty: VecDeque::new(),
            rethought: BTreeSet::new(),
            anchors_moved: false,
            booked: false,
            today,
            other_day: today,
            moved: Default::default(),
            keeps_history: false,
            last_number: 0,
            parted: Vec::new(),
        }
    }

    /// From now on what is booked is for the history too, or is not.
    pub const fn keep_history(&mut self, keeps: bool) {
        self.keeps_history = keeps;
    }

    /// Gives numbers to the accounts that an agent without a history has written down.
    pub fn number_all(&mut self, now: Now) {
        for account in &mut self.accounts {
            let number = &mut account.record.recorded.number;
            if *number == 0 {
                self.last_number = next_number(self.last_number, now.unix_seconds);
                *number = self.last_number;
            }
        }
    }

    /// How far all accounts have come.
    pub fn marks(&self) -> Vec<Mark> {
        self.iter().map(|(_, account)| Mark::of(&account.record)).collect()
    }

    /// The last marks of accounts that are no more, since the last call.
    pub fn take_parted(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.parted)
    }

    /// Takes over an account written down on the day `written_on`; folds what it counted in another
    /// epoch into its baseline.
    pub fn restore(&mut self, record: Record, written_on: Date) -> AccountId {
        let key = record.key();
        let mut account = Account::restored(record);
        let day_is_over = written_on != self.today && account.record.daily_usage != 0;
        if day_is_over {
            account.record.daily_usage = 0;
        }
        // Xray's counters have lives of their own.
        let folded = account.record.epoch != self.epoch && !account.record.is_payload();
        if folded {
            self.anchors_moved = true;
            account.begin(self.usage, &self.epoch, Bytes::default());
        }
        let id = self.insert(key, account);
        if folded || day_is_over {
            self.touch(id);
        }
        id
    }

    /// The account of `key`, made if there is none.
    pub fn open(&mut self, key: &AccountKey, now: Now) -> AccountId {
        if let Some(id) = self.by_key.get(key) {
            return *id;
        }
        let mut account = Account::new(key, &self.epoch, now);
        self.last_number = next_number(self.last_number, now.unix_seconds);
        account.record.recorded.number = self.last_number;
        let id = self.insert(key.clone(), account);
        self.touch(id);
        id
    }

    /// The account of `key`, if there is one.
    #[must_use]
    pub fn find(&self, key: &AccountKey) -> Option<AccountId> {
        self.by_key.get(key).copied()
    }

    /// Books a reading of the account's counter.
    pub fn book(&mut self, id: AccountId, reading: Bytes, now: Now) {
        let (usage, keeps_history) = (self.usage, self.keeps_history);
        self.anchors_moved |= self.account(id).record.raw.is_none();
        let (mark, before) = (self.account(id).record.mark, self.account(id).record.bytes);
        self.account_mut(id).book(usage, reading, keeps_history, now);
        self.add_up(id, before);
        if self.account(id).record.mark != mark {
            self.rethought.insert(id);
        }
        self.touch(id);
    }

    /// From now on the account's bytes come from a counter that stands at `reading`.
    pub fn begin(&mut self, id: AccountId, uid: Option<u32>, reading: Bytes) {
        let (usage, epoch) = (self.usage, self.epoch.clone());
        let account = self.account_mut(id);
        account.begin(usage, &epoch, reading);
        account.record.uid = uid;
        self.rethink(id);
    }

    /// The same for a counter that is not the kernel's, of a life of its own.
    pub fn begin_in(&mut self, id: AccountId, epoch: &str, reading: Bytes) {
        let usage = self.usage;
        self.account_mut(id).begin(usage, epoch, reading);
        self.anchors_moved = true;
        self.touch(id);
    }

    /// Books a reading of a counter that others can set back to 0.
    pub fn book_fallible(&mut self, id: AccountId, reading: Bytes, now: Now) {
        let usage = self.usage;
        self.anchors_moved |= self.account_mut(id).follow_fall(usage, reading);
        self.book(id, reading, now);
    }

    /// The account has no counter any more, or another uid has its own.
    pub fn set_uid(&mut self, id: AccountId, uid: Option<u32>) {
        if self.account(id).record.uid != uid {
            self.account_mut(id).record.uid = uid;
            self.rethink(id);
        }
    }

    /// Moves what `from` has counted to the account of `key`, and strikes `from` out.
    pub fn absorb(&mut self, from: AccountId, key: &AccountKey, uid: u32, now: Now) -> AccountId {
        let taken = self.account(from).record.clone();
        // What it has moved up to now stays in the history, under the heir's name.
        self.parted.push(Mark { key: key.clone(), is_last: true, ..Mark::of(&taken) });
        self.strike(from);
        let heir = self.open(key, now);
        let usage = self.usage;
        let account = self.account_mut(heir);
        account.absorb(usage, &taken);
        account.record.uid = Some(uid);
        self.rethink(heir);
        heir
    }

    /// Gives an account another key, which no account has.
    pub fn rename(&mut self, id: AccountId, key: &AccountKey) {
        let old = self.account(id).record.key();
        self.by_key.remove(&old);
        self.by_key.insert(key.clone(), id);
        let record = &mut self.account_mut(id).record;
        (record.service, record.name) = (key.service, key.name.clone());
        self.rethink(id);
    }

    /// The account is no more.
    pub fn strike_out(&mut self, id: AccountId) {
        self.parted.push(Mark { is_last: true, ..Mark::of(&self.account(id).record) });
        self.strike(id);
    }

    fn strike(&mut self, id: AccountId) {
        let key = self.account(id).record.key();
        self.by_key.remove(&key);
        self.account_mut(id).is_struck_out = true;
        self.rethought.insert(id);
        self.anchors_moved = true;
    }

    fn add_up(&mut self, id: AccountId, before: Bytes) {
        let record = &self.account(id).record;
        let (service, after) = (record.service, record.bytes);
        let sum = &mut self.moved[service as usize];
        let grown = |sum: u64, after: u64, before| sum.saturating_add(after.saturating_sub(before));
        sum.uplink = grown(sum.uplink, after.uplink, before.uplink);
        sum.downlink = grown(sum.downlink, after.downlink, before.downlink);
    }

    /// What accounts of the service have moved since the start.
    pub const fn moved(&self, service: Service) -> Bytes {
        self.moved[service as usize]
    }

    /// Usage back to 0.
    pub fn reset(&mut self, id: AccountId, now: Now) {
        let usage = self.usage;
        self.account_mut(id).reset(usage, now);
        self.rethink(id);
    }

    /// Changes what counters have no part in: limits, flags, numbers an admin has put right.
    pub fn amend(&mut self, id: AccountId, change: impl FnOnce(&mut Record)) {
        change(&mut self.account_mut(id).record);
        self.rethink(id);
    }

    /// Accounts whose thresholds may have moved since the last call.
    pub fn take_rethought(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.rethought)
    }

    /// What limits and `disable` say has to be looked at again, of all accounts.
    pub fn rethink_all(&mut self) {
        let ids: Vec<_> = self.iter().map(|(id, _)| id).collect();
        self.rethought.extend(ids);
    }

    /// Something besides counting has changed of an account.
    fn rethink(&mut self, id: AccountId) {
        self.rethought.insert(id);
        self.anchors_moved = true;
        self.touch(id);
    }

    /// Starts a new day: daily usage of the old one ends.
    pub fn roll_over(&mut self, today: Date) {
        if today == self.today {
            return;
        }
        // A clock that is set back over midnight, and forward again, finds its day's usage.
        let is_back = today == self.other_day;
        self.other_day = std::mem::replace(&mut self.today, today);
        for index in 0..self.accounts.len() {
            let account = &mut self.accounts[index];
            let usage = if is_back { account.other_day } else { 0 };
            account.other_day = std::mem::replace(&mut account.record.daily_usage, usage);
            if account.record.daily_limit != 0 {
                self.rethought.insert(AccountId(index));
            }
            let account = &self.accounts[index];
            if account.other_day != usage {
                self.touch(AccountId(index));
            }
        }
    }

    /// One account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.0]
    }

    /// All accounts.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        let all = self.accounts.iter().enumerate();
        all.filter(|(_, account)| !account.is_struck_out)
            .map(|(index, account)| (AccountId(index), account))
    }

    /// The local date that daily usage is of.
    #[must_use]
    pub const fn today(&self) -> Date {
        self.today
    }

    /// At most `count` accounts that have changed since they were last taken.
    pub fn take_changed(&mut self, count: usize) -> Vec<Record> {
        let taken: Vec<_> = self.dirty.drain(..count.min(self.dirty.len())).collect();
        let records = taken.into_iter().filter_map(|id| {
            let account = self.account_mut(id);
            account.is_dirty = false;
            (!account.is_struck_out).then(|| account.record.clone())
        });
        records.collect()
    }

    /// Whether any account has changed since [`Ledger::forget_booked`].
    pub const fn booked(&self) -> bool {
        self.booked
    }

    /// All of it is in a snapshot.
    pub const fn forget_booked(&mut self) {
        self.booked = false;
    }

    /// Whether what only the snapshot keeps has changed since the last call: uids, raw counters
    /// at the beginning of an epoch, the accounts there are.
    pub fn take_anchors_moved(&mut self) -> bool {
        std::mem::take(&mut self.anchors_moved)
    }

    /// Whether [`Ledger::take_anchors_moved`] would say so.
    pub const fn anchors_moved(&self) -> bool {
        self.anchors_moved
    }

    /// Whether any account has changed since it was last taken.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.anchors_moved || !self.dirty.is_empty()
    }

    /// Marks an account as changed.
    pub fn touch(&mut self, id: AccountId) {
        self.booked = true;
        if !std::mem::replace(&mut self.account_mut(id).is_dirty, true) {
            self.dirty.push_back(id);
        }
    }

    fn insert(&mut self, key: AccountKey, account: Account) -> AccountId {
        let id = AccountId(self.accounts.len());
        let is_limited = account.record.threshold().is_some() || account.record.is_disabled;
        if is_limited {
            self.rethought.insert(id);
        }
        self.anchors_moved = true;
        self.last_number = self.last_number.max(account.record.recorded.number);
        self.accounts.push(account);
        self.by_key.insert(key, id);
        id
    }

    fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.0]
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
