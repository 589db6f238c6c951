//! What of the hosts is still to be written down.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::host::Host;
use crate::view::hosts::HostEvent;

/// Lines for `hosts.jsonl` that wait for a disk; beyond, the oldest are given up.
const MAX_WAITING: usize = 65_536;
/// A snapshot of more hosts than this is not written each time.
const FEW: usize = 1000;
/// The snapshot of many may be this much older than `hosts.log`.
const SNAPSHOT_AGE: Duration = Duration::from_mins(1);

/// What a command has set the capture to, and what the config said then: a config that says
/// something else later is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// Whether names are captured.
    pub on: bool,
    /// `hosts.enabled` then.
    pub config: bool,
}

/// The hosts' part of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsBatch {
    /// Lines for `hosts.jsonl`.
    pub seen: Vec<Arc<HostEvent>>,
    /// What happens to `hosts.log`.
    pub log: LogChange,
    /// All that is known, where the snapshot is to be replaced.
    pub snapshot: Option<Snapshot>,
}

/// What happens to `hosts.log`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogChange {
    /// Nothing.
    #[default]
    None,
    /// These lines more.
    Append(Vec<Arc<Host>>),
    /// Of all that was there, these are left, in the order of their numbers.
    Replace(Vec<Arc<Host>>),
}

/// All that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The hosts.
    pub hosts: Vec<Arc<Host>>,
    /// By command.
    pub switched: Option<Switched>,
}

/// Whether commands wait for the disk.
#[derive(Debug, Default)]
struct Waits {
    /// For what is still to be written.
    next: bool,
    /// For the batch that is being written.
    written: bool,
}

/// What waits.
#[derive(Debug, Default)]
pub struct Keep {
    seen: VecDeque<Arc<HostEvent>>,
    added: Vec<Arc<Host>>,
    replace: bool,
    /// Counts have moved.
    moved: bool,
    waits: Waits,
    last_snapshot: Option<Duration>,
}

impl Keep {
    /// One more line for `hosts.jsonl`. Whether another had to be given up for it.
    pub fn seen(&mut self, event: Arc<HostEvent>) -> bool {
        self.moved = true;
        let is_full = self.seen.len() >= MAX_WAITING;
        if is_full {
            self.seen.pop_front();
        }
        self.seen.push_back(event);
        is_full
    }

    /// A new line for `hosts.log`.
    pub fn added(&mut self, host: Arc<Host>) {
        self.moved = true;
        if !host.is_odd && !self.replace {
            self.added.push(host);
        }
    }

    /// Lines of `hosts.log` are others now.
    pub fn lines_changed(&mut self) {
        self.moved = true;
        self.replace = true;
        self.added.clear();
    }

    /// Something is known that no line tells.
    pub const fn moved(&mut self) {
        self.moved = true;
    }

    /// A command waits until everything is on disk.
    pub const fn hurry(&mut self) {
        self.moved = true;
        self.waits.next = true;
    }

    /// Whether a command waits for the disk.
    pub const fn is_urgent(&self) -> bool {
        self.waits.next
    }

    /// Nothing waits.
    pub fn is_settled(&self) -> bool {
        self.seen.is_empty() && self.added.is_empty() && !self.replace && !self.moved
    }

    /// What is to be written now.
    pub fn take<'a>(
        &mut self,
        hosts: impl Iterator<Item = &'a Arc<Host>> + Clone,
        (count, switched): (usize, Option<Switched>),
        (monotonic, everything): (Duration, bool),
    ) -> HostsBatch {
        let is_old = self
            .last_snapshot
            .is_none_or(|last| count <= FEW || monotonic.saturating_sub(last) >= SNAPSHOT_AGE);
        let is_due = self.moved && (self.waits.next || everything || is_old);
        let snapshot = is_due.then(|| {
            self.moved = false;
            self.last_snapshot = Some(monotonic);
            Snapshot { hosts: hosts.clone().cloned().collect(), switched }
        });
        self.waits = Waits { next: false, written: self.waits.next };
        let added = std::mem::take(&mut self.added);
        let log = match (std::mem::take(&mut self.replace), added.is_empty()) {
            (true, _) => LogChange::Replace(hosts.filter(|it| !it.is_odd).cloned().collect()),
            (false, true) => LogChange::None,
            (false, false) => LogChange::Append(added),
        };
        HostsBatch { seen: std::mem::take(&mut self.seen).into(), log, snapshot }
    }

    /// What could not be written waits on. How many lines had to be given up.
    pub fn failed(&mut self, failed: HostsBatch) -> usize {
        let is_whole = failed.log == LogChange::None && failed.snapshot.is_none();
        self.waits.next |= std::mem::take(&mut self.waits.written) && !is_whole;
        if failed.log != LogChange::None {
            self.lines_changed();
        }
        self.moved |= failed.snapshot.is_some();
        let newer = std::mem::take(&mut self.seen);
        self.seen = failed.seen.into();
        self.seen.extend(newer);
        let given_up = self.seen.len().saturating_sub(MAX_WAITING);
        self.seen.drain(..given_up);
        given_up
    }
}
