//! The steps of a poll.

use std::time::Duration;

use super::SessionWatch;
use crate::sources::sessions::{
    Login, SessionEvent,
    candidate::{Candidate, Claim},
    process::{Origin, origin, process},
    sockets::Tables,
    verdict::{CLOCKS_DIFFER, Look, Verdict},
};

/// Candidates looked at in one poll.
const MAX_LOOKS: usize = 128;
/// Candidates at all; a server has at most some hundred clients that are not in yet.
const MAX_CANDIDATES: usize = 16_384;
/// A line that contradicts another one this soon after makes both worth nothing.
const CONTRADICTS: Duration = Duration::from_secs(2);
/// Seconds that older lines are looked for at most.
const LOOK_BACK: u64 = 14 * 86_400;

impl SessionWatch {
    /// A line says something about a process; false if that is untrue at first sight.
    pub(super) fn claim(
        &mut self,
        login: Login,
        claim: Claim,
        events: &mut Vec<SessionEvent>,
    ) -> bool {
        let pid = login.pid;
        let Some(it) = process(&self.proc, pid).filter(|it| it.server == login.server) else {
            let is_gone = !claim.is_old && !self.proc.runs(pid);
            return is_gone && self.gone.claim(pid, &login.said, claim.at, self.now);
        };
        let mut contradicts = false;
        if let Some(known) = self.sessions.get(pid) {
            if known.session.start_time != it.start_time {
                events.extend(self.sessions.end(pid));
            } else if known.is_said_by(&login.said) {
                return true;
            } else {
                contradicts = known.by_line
                    && known.is_of_client(&login.said)
                    && self.now.saturating_sub(known.began) <= CONTRADICTS;
                if !contradicts {
                    return false;
                }
                events.extend(self.sessions.end(pid));
            }
        }
        let from = origin(&self.proc, &it);
        self.walk.met(&from);
        if from == Origin::Foreign {
            return false;
        }
        let now = self.now;
        if let Some(candidate) = self.candidate(pid, it.start_time, false) {
            candidate.contested |= contradicts;
            candidate.claim(login.said, claim, now);
        }
        !contradicts
    }

    /// The candidate of a process: a new one, if there is none or the id was another's.
    fn candidate(&mut self, pid: u32, start_time: u64, before: bool) -> Option<&mut Candidate> {
        if self.candidates.len() >= MAX_CANDIDATES && !self.candidates.contains_key(&pid) {
            self.counted.no_room += 1;
            return None;
        }
        let now = self.now;
        let new = || Candidate::new(start_time, before, now);
        let candidate = self.candidates.entry(pid).or_insert_with(new);
        if candidate.start_time != start_time {
            *candidate = new();
        }
        Some(candidate)
    }

    /// Processes that no line has told of.
    pub(super) fn find(&mut self, tables: &mut Tables, is_first: bool) {
        let (sessions, candidates) = (&self.sessions, &self.candidates);
        let known = |pid| sessions.get(pid).is_some() || candidates.contains_key(&pid);
        let found = self.walk.poll(&self.proc, tables, self.now, known);
        for (pid, start_time) in found {
            let _no_room = self.candidate(pid, start_time, is_first);
        }
    }

    /// Looks at candidates: those first that have waited longest.
    pub(super) fn look(
        &mut self,
        tables: &mut Tables,
        unix_seconds: u64,
        events: &mut Vec<SessionEvent>,
    ) {
        let due = self.candidates.iter().filter_map(|(pid, it)| Some((it.due(self.now)?, *pid)));
        let mut due: Vec<_> = due.collect();
        if due.is_empty() {
            return;
        }
        due.sort_unstable();
        // While it cannot be read, what was known is.
        if let Ok(Some(users)) = self.passwd.changed() {
            self.users = users;
        }
        let mut look = Look {
            proc: &self.proc,
            tables,
            users: &self.users,
            now: self.now,
            looks_back: self.log.looks_back(),
            boot: self.proc.uptime().and_then(|uptime| unix_seconds.checked_sub(uptime)),
            unix_seconds,
            ticks: self.ticks,
        };
        for (_, pid) in due.into_iter().take(MAX_LOOKS) {
            let Some(candidate) = self.candidates.get_mut(&pid) else { continue };
            let mut refused = 0;
            let verdict = candidate.judge(pid, &mut look, &mut refused);
            self.counted.refuse(pid, refused);
            match verdict {
                Verdict::Wait => continue,
                Verdict::No if self.proc.runs(pid) => {}
                Verdict::No => {
                    let new = candidate.claims.drain(..).filter(|(_, claim)| !claim.is_old);
                    for (said, claim) in new {
                        let _no_room = self.gone.claim(pid, &said, claim.at, self.now);
                    }
                }
                Verdict::Sessions { sessions, by_line } => {
                    for session in sessions {
                        events.extend(self.sessions.end(session.pid));
                        events.push(self.sessions.begin(session, by_line, self.now));
                    }
                }
            }
            self.candidates.remove(&pid);
        }
    }

    /// Once, for the sessions that were there before: when all of them have been looked at.
    pub(super) fn look_back(&mut self, unix_seconds: u64) {
        if !self.candidates.values().all(Candidate::is_looked_at) {
            return;
        }
        self.looked_back = true;
        let nobodys = self.candidates.values().filter(|it| it.nobodys.is_some());
        let Some(oldest) = nobodys.map(|it| it.start_time).min() else { return };
        let uptime = self.proc.uptime().unwrap_or_default();
        let boot = unix_seconds.saturating_sub(uptime);
        let earliest = unix_seconds.saturating_sub(LOOK_BACK);
        let oldest = (boot + oldest / self.ticks).saturating_sub(CLOCKS_DIFFER).max(earliest);
        self.log.look_back(oldest, unix_seconds);
    }
}
