//! The sessions that are known, and whether their processes still are.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{Session, SessionEvent, message::Accepted, procfs::ProcRoot};

/// Each process is looked at so often.
const CYCLE: Duration = Duration::from_secs(2);
/// Of so many looks one is for what the others do not show: a zombie.
const THOROUGH: u8 = 8;
/// At most in one poll.
const MAX_LOOKS: usize = 256;

/// Sessions by process id.
#[derive(Debug, Default)]
pub struct Tracked {
    sessions: HashMap<u32, Known>,
    /// Whom to look at next; each session is in it once.
    ring: VecDeque<Place>,
    looked: Option<Duration>,
}

/// A session's place in the ring.
#[derive(Debug)]
struct Place {
    pid: u32,
    start_time: u64,
    /// [`ProcRoot::mark`] when it was last looked at thoroughly.
    mark: Option<u64>,
    looks: u8,
}

impl Place {
    fn lives(&mut self, proc: &ProcRoot) -> bool {
        let mark = proc.mark(self.pid);
        self.looks = (self.looks + 1) % THOROUGH;
        if mark.is_some() && mark == self.mark && self.looks != 0 {
            return true;
        }
        self.mark = mark;
        proc.stat(self.pid).is_some_and(|stat| stat.start_time == self.start_time)
    }
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
        self.ring.push_back(Place { pid, start_time, mark: None, looks: 0 });
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
            let Some(mut place) = self.ring.pop_front() else { break };
            let known = self.sessions.get(&place.pid).map(|known| known.session.start_time);
            if known != Some(place.start_time) {
                continue;
            }
            if place.lives(proc) {
                self.ring.push_back(place);
            } else {
                ended.extend(self.end(place.pid));
            }
        }
        ended
    }
}
