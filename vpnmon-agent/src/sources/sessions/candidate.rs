//! A process that has a client, and what lines say about it.

use std::time::Duration;

use super::message::Accepted;

/// One process tells of one login. More different claims than this are somebody's play.
const MAX_CLAIMS: usize = 8;

/// A line about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Unix seconds of the line.
    pub at: Option<u64>,
    /// Whether the line was there before the tracker.
    pub is_old: bool,
}

/// A process that may become a session.
#[derive(Debug)]
pub struct Candidate {
    /// With the process id, which process.
    pub start_time: u64,
    /// It began before the tracker did.
    pub was_there_before: bool,
    /// Different ones, in the order of their coming.
    pub claims: Vec<(Accepted, Claim)>,
    /// When it was found.
    pub first_seen: Duration,
    /// When the last line came.
    pub claimed: Option<Duration>,
    next_look: Duration,
    looked: Option<Duration>,
    /// Since when it is a session that nobody says whose it is.
    pub nobodys: Option<Duration>,
    /// Whether different users are said to be it.
    pub contested: bool,
}

impl Candidate {
    /// Seen at `now`.
    pub fn new(start_time: u64, was_there_before: bool, now: Duration) -> Self {
        Self {
            start_time,
            was_there_before,
            claims: Vec::new(),
            first_seen: now,
            claimed: None,
            next_look: now,
            looked: None,
            nobodys: None,
            contested: false,
        }
    }

    /// A line says something about it.
    pub fn claim(&mut self, said: Accepted, claim: Claim, now: Duration) {
        (self.claimed, self.next_look) = (Some(now), now);
        if self.claims.iter().any(|(known, _)| *known == said) {
            return;
        }
        if self.claims.len() < MAX_CLAIMS {
            self.claims.push((said, claim));
        } else {
            self.contested = true;
        }
    }

    /// There is reason to look again.
    pub fn look_soon(&mut self) {
        self.next_look = Duration::ZERO;
    }

    /// It is looked at; when it will be again.
    pub fn looked(&mut self, now: Duration) {
        let waited = now.saturating_sub(self.claimed.unwrap_or(self.first_seen));
        let pause = match waited.as_secs() {
            0..2 if self.claimed.is_some() => Duration::ZERO,
            0..120 => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        };
        (self.looked, self.next_look) = (Some(now), now + pause);
    }

    /// Whether it was looked at.
    pub fn is_looked_at(&self) -> bool {
        self.looked.is_some()
    }

    /// When it should be looked at, if that is now.
    pub fn due(&self, now: Duration) -> Option<Duration> {
        (now >= self.next_look).then_some(self.next_look)
    }
}
