//! When what is written: groups of changed accounts, one group at a time.

use std::{collections::BTreeSet, time::Duration};

use super::{Engine, tell::Tell};
use crate::{
    event::{Batch, Command, Now, Stored},
    hosts::Hosts,
    ledger::{
        Ledger,
        incident::{Incident, Kind},
        record::Record,
    },
    model::AccountKey,
};

/// Usage files a batch.
const MAX_RECORDS: usize = 4096;
/// For so many times as long as a large batch took, the disk is left alone: thousands of active
/// accounts must not keep it busy. What waits for its file is in the snapshot meanwhile.
const REST: u32 = 4;
/// A batch that took less is not large.
const LARGE: Duration = Duration::from_millis(100);
/// The snapshot may be this much older than the usage files: a start joins the two.
const SNAPSHOT_AGE: Duration = Duration::from_mins(1);
/// So long without a failure, and writing works again.
const FINE: Duration = Duration::from_secs(3);
/// Beyond it the oldest events that no disk would take are given up.
const MAX_INCIDENTS: usize = 10_000;

/// What is still to be written.
#[derive(Debug)]
pub struct Persist {
    removed: Vec<AccountKey>,
    touched: BTreeSet<String>,
    /// No usage files before that, unless it hurries.
    rests_until: Duration,
    hurries: bool,
    incidents: Vec<Incident>,
    tell: Tell,
    /// Batches since the start, and those of them that were not written whole.
    writes: (u64, u64),
    in_flight: bool,
    /// The raw counters that only the snapshot has are not on disk for every account.
    snapshot_due: bool,
    last_snapshot: Option<Duration>,
    error: Option<String>,
    /// What is wrong with the history, if anything is.
    history_error: Option<String>,
    /// Since when writes succeed again.
    fine_since: Option<Duration>,
}

impl Persist {
    /// What waits to be written to `events.jsonl`.
    #[cfg(test)]
    pub fn kinds(&self) -> Vec<Kind> {
        self.incidents.iter().map(|incident| incident.kind).collect()
    }

    /// Starts with the events of reading the state directory.
    pub fn new(incidents: Vec<Incident>) -> Self {
        let mut tell = Tell::default();
        for incident in &incidents {
            tell.happened(incident);
        }
        Self {
            tell,
            writes: (0, 0),
            removed: Vec::new(),
            touched: BTreeSet::new(),
            rests_until: Duration::ZERO,
            hurries: false,
            incidents,
            in_flight: false,
            snapshot_due: true,
            last_snapshot: None,
            error: None,
            history_error: None,
            fine_since: None,
        }
    }

    /// The file of an account is to go.
    pub fn removed(&mut self, key: AccountKey) {
        self.removed.push(key);
        self.snapshot_due = true;
    }

    /// Counters of another life are booked from now on.
    pub fn note_epoch(&mut self, epoch: &str, now: Now) {
        self.incident(Kind::Epoch, format!("counters of {epoch} are booked from now on"), now);
    }

    /// Something happened to an account.
    pub fn note(&mut self, kind: Kind, record: Record, reason: &str, now: Now) {
        let (at, account) = (now.unix_seconds, Some(Box::new(record)));
        self.push(Incident { at, kind, account, reason: reason.to_owned() });
    }

    /// Something works less well than it should.
    pub fn degraded(&mut self, reason: &str, now: Now) {
        self.incident(Kind::Degraded, reason.to_owned(), now);
    }

    /// Events of reading files.
    pub fn note_all(&mut self, incidents: Vec<Incident>) {
        for incident in incidents {
            self.push(incident);
        }
    }

    /// A source has gone or come back.
    pub fn note_source(&mut self, kind: Kind, reason: String, now: Now) {
        self.incident(kind, reason, now);
    }

    /// Something happened that is about no account.
    pub fn note_hosts(&mut self, kind: Kind, reason: String, now: Now) {
        self.incident(kind, reason, now);
    }

    /// People are to be told of these, and of what waits to be written.
    pub fn tell_of(&mut self, kinds: Vec<Kind>) {
        self.tell.want(kinds, &self.incidents);
    }

    /// What people are to be told of.
    pub fn take_notices(&mut self) -> Vec<Incident> {
        self.tell.take()
    }

    /// How many events of each kind there were since the start.
    pub fn event_counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.tell.counts()
    }

    /// Batches since the start, and those of them that were not written whole.
    pub const fn writes(&self) -> (u64, u64) {
        self.writes
    }

    /// Why the last write failed, if it did.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// What is wrong with the history, if anything is.
    pub fn history_error(&self) -> Option<&str> {
        self.history_error.as_deref()
    }

    /// Somebody may have changed these files.
    pub fn touched(&mut self, names: Vec<String>) {
        self.touched.extend(names);
    }

    /// The agent stops: everything is to be written now.
    pub const fn hurry(&mut self) {
        self.hurries = true;
    }

    /// The next batch, if there is anything to write and the last one is done.
    pub fn due(&mut self, ledger: &mut Ledger, hosts: &mut Hosts, now: Now) -> Option<Batch> {
        if self.in_flight {
            return None;
        }
        let rests = !self.hurries && now.monotonic < self.rests_until;
        let records = ledger.take_changed(if rests { 0 } else { MAX_RECORDS });
        // What has to wait for its own file is in the snapshot, once for all of them.
        self.snapshot_due |= ledger.has_changed() && ledger.booked();
        let batch = Batch {
            snapshot: self.snapshot(ledger, &records, now),
            records,
            removed: std::mem::take(&mut self.removed),
            touched: std::mem::take(&mut self.touched).into_iter().collect(),
            incidents: std::mem::take(&mut self.incidents),
            parted: ledger.take_parted(),
            hosts: Box::new(hosts.due(now, rests, self.hurries)),
        };
        self.in_flight = batch != Batch::default();
        self.in_flight.then_some(batch)
    }

    /// No snapshot is due or under way: whatever people changed is in the last one.
    pub fn is_kept(&self, ledger: &Ledger) -> bool {
        !self.in_flight && !self.snapshot_due && !ledger.anchors_moved()
    }

    /// Nothing is under way or waiting.
    pub fn is_settled(&self, ledger: &Ledger) -> bool {
        let waiting = ledger.has_changed() || self.snapshot_due;
        let lists = self.removed.is_empty() && self.incidents.is_empty() && self.touched.is_empty();
        !self.in_flight && !waiting && lists
    }

    /// All accounts: when a new one or another life has come, and once a minute while any moves.
    fn snapshot(
        &mut self,
        ledger: &mut Ledger,
        changed: &[Record],
        now: Now,
    ) -> Option<Vec<Record>> {
        let is_old = self
            .last_snapshot
            .is_none_or(|last| now.monotonic.saturating_sub(last) >= SNAPSHOT_AGE);
        self.snapshot_due |= ledger.take_anchors_moved() || (is_old && !changed.is_empty());
        if !self.snapshot_due {
            return None;
        }
        self.snapshot_due = false;
        ledger.forget_booked();
        self.last_snapshot = Some(now.monotonic);
        Some(ledger.iter().map(|(_, account)| account.record.clone()).collect())
    }

    fn incident(&mut self, kind: Kind, reason: String, now: Now) {
        self.push(Incident { at: now.unix_seconds, kind, account: None, reason });
    }

    fn push(&mut self, incident: Incident) {
        self.tell.happened(&incident);
        if self.incidents.len() >= MAX_INCIDENTS {
            self.incidents.remove(0);
        }
        self.incidents.push(incident);
    }

    /// Takes back what failed, and notes the change between working and not.
    fn stored(&mut self, stored: &mut Stored, now: Now) -> Option<String> {
        self.in_flight = false;
        if stored.took > LARGE {
            self.rests_until = now.monotonic + stored.took * REST;
        }
        self.removed.append(&mut stored.failed.removed);
        let newer = std::mem::take(&mut self.incidents);
        self.incidents.append(&mut stored.failed.incidents);
        self.incidents.extend(newer);
        for incident in std::mem::take(&mut stored.incidents) {
            self.push(incident);
        }
        self.snapshot_due |= stored.failed.snapshot.is_some();
        self.writes.0 += 1;
        self.history_error = stored.history.take().filter(|error| !error.is_empty());
        let error = stored.error.take()?;
        self.writes.1 += 1;
        self.fine_since = None;
        let warning = format!(
            "{error}; usage goes on in memory and in the kernel, and is written when the state \
             directory takes it again"
        );
        let is_new = self.error.replace(error).is_none();
        is_new.then(|| {
            self.degraded(&warning, now);
            warning
        })
    }

    /// Notes that writing works again: not after one write, for a disk may fail now and then, and
    /// each note is a write itself.
    pub fn recover(&mut self, now: Now) -> Option<String> {
        self.error.as_ref()?;
        let since = *self.fine_since.get_or_insert(now.monotonic);
        if self.in_flight || now.monotonic.saturating_sub(since) < FINE {
            return None;
        }
        let reason = format!("written again after: {}", self.error.take()?);
        self.incident(Kind::Recovered, reason.clone(), now);
        Some(reason)
    }
}

impl Engine {
    pub(super) fn stored(&mut self, mut stored: Stored, now: Now) -> Vec<Command> {
        for edit in std::mem::take(&mut stored.edits) {
            self.edited(&edit, now);
        }
        for record in std::mem::take(&mut stored.failed.records) {
            if let Some(id) = self.ledger.find(&record.key()) {
                self.ledger.touch(id);
            }
        }
        self.hosts.failed(*std::mem::take(&mut stored.failed.hosts));
        let found = std::mem::take(&mut stored.found_hosts);
        if !found.is_empty() {
            self.hosts.found(found, now);
        }
        let warning = self.persist.stored(&mut stored, now).map(Command::Warn);
        warning.into_iter().chain(self.forget_gone()).collect()
    }
}
