//! Which events people are told of, and how many of each there were.

use crate::ledger::incident::{Incident, Kind};

/// Beyond it nobody takes them.
const MAX_WAITING: usize = 4096;

/// Counts all events, and keeps those that are wanted until they are taken.
#[derive(Debug, Default)]
pub struct Tell {
    wanted: Vec<Kind>,
    waiting: Vec<Incident>,
    counts: [u64; Kind::ALL.len()],
}

impl Tell {
    /// People are to be told of these from now on, and of what has just happened.
    pub fn want(&mut self, kinds: Vec<Kind>, just_now: &[Incident]) {
        self.wanted = kinds;
        for incident in just_now {
            self.keep(incident);
        }
    }

    /// Something has happened.
    pub fn happened(&mut self, incident: &Incident) {
        if let Some(count) = self.counts.get_mut(incident.kind as usize) {
            *count += 1;
        }
        self.keep(incident);
    }

    fn keep(&mut self, incident: &Incident) {
        if self.wanted.contains(&incident.kind) && self.waiting.len() < MAX_WAITING {
            self.waiting.push(incident.clone());
        }
    }

    /// What people are to be told of since the last call.
    pub fn take(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.waiting)
    }

    /// How many of each kind there were, in the order of [`Kind::ALL`].
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Kind::ALL.into_iter().map(Kind::word).zip(self.counts)
    }
}
