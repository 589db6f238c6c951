//! The sessions that are known, and whether their processes still are.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{Session, SessionEvent, message::Accepted, procfs::ProcRoot};

/// Each process is looked at so often.
const CYCLE: Duration = Duration::from_secs(2);
/// At most in one poll.
const MAX_LOOKS: usize = 256;

/// Sessions by process id.
#[derive(Debug, Default)]
pub struct Tracked {
    sessions: HashMap<u32, Known>,
    /// Whom to look at next; each session is in it once.
    ring: VecDeque<(u32, u64)>,
    looked: Option<Duration>,
}

/// A session, and how it came to be known.
#[derive(Debug)]
pub struct Known {
    /// The session.
    pub session: Session,
    /// Whether nothing but a line tells whose it is.
    pub by_line: bool,
    /// When.
    pub began: Duration,
}

impl Known {
    /// Whether a line says just this.
    pub fn is_said_by(&self, said: &Accepted) -> bool {
        self.session.user == said.user && (self.is_of_client(said) || self.session.client.is_none())
    }

    /// Whether a line names its client.
    pub fn is_of_client(&self, said: &Accepted) -> bool {
        let Session { client, client_port, .. } = self.session;
        client == Some(said.client) && client_port == Some(said.port)
    }
}

impl Tracked {
    /// The session of a process id.
    pub fn get(&self, pid: u32) -> Option<&Known> {
        self.sessions.get(&pid)
    }

    /// Adds one.
    pub fn begin(&mut self, session: Session, by_line: bool, now: Duration) -> SessionEvent {
        let (pid, start_time) = (session.pid, session.start_time);
        self.ring.push_back((pid, start_time));
        self.sessions.insert(pid, Known { session: session.clone(), by_line, began: now });
        SessionEvent::Began(session)
    }

    /// Takes one away.
    pub fn end(&mut self, pid: u32) -> Option<SessionEvent> {
        let start_time = self.sessions.remove(&pid)?.session.start_time;
        Some(SessionEvent::Ended { pid, start_time })
    }

    /// Looks whether some of the processes have ended.
    pub fn poll(&mut self, proc: &ProcRoot, now: Duration) -> Vec<SessionEvent> {
        let passed = now.saturating_sub(self.looked.replace(now).unwrap_or(now));
        let share = passed.as_secs_f64() / CYCLE.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a length, bounded right after"
        )]
        let due = (self.ring.len() as f64 * share).ceil() as usize;
        let mut ended = Vec::new();
        for _ in 0..due.min(MAX_LOOKS).min(self.ring.len()) {
            let Some((pid, start_time)) = self.ring.pop_front() else { break };
            let known = self.sessions.get(&pid).map(|known| known.session.start_time);
            if known != Some(start_time) {
                continue;
            }
            if proc.stat(pid).is_some_and(|stat| stat.start_time == start_time) {
                self.ring.push_back((pid, start_time));
            } else {
                ended.extend(self.end(pid));
            }
        }
        ended
    }
}
