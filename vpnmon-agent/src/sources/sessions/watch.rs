//! The tracker: log lines and processes in, sessions out.

mod steps;

use std::{collections::HashMap, path::Path, time::Duration};

use nix::unistd::{SysconfVar, sysconf};

use super::{
    Listener, Places, ProcRoot, SessionEvent,
    candidate::{Candidate, Claim},
    gone::Gone,
    log::Log,
    problems::{self, Counted},
    sockets::Tables,
    tracked::Tracked,
    walk::Walk,
};
use crate::{
    config::AuthLog,
    event::Now,
    sources::users::{PASSWD, UserWatch},
    users::Users,
};

/// A session that is nobody's is told of after this: its line may be late.
const TELL_AFTER: Duration = Duration::from_secs(5);
/// Where /proc does not say how it counts time.
const USUAL_TICKS: u64 = 100;

/// Learns who is logged in; polled, and never waits.
#[derive(Debug)]
pub struct SessionWatch {
    proc: ProcRoot,
    log: Log,
    passwd: UserWatch,
    users: Users,
    sessions: Tracked,
    candidates: HashMap<u32, Candidate>,
    gone: Gone,
    walk: Walk,
    counted: Counted,
    ticks: u64,
    opened: bool,
    looked_back: bool,
    now: Duration,
}

impl SessionWatch {
    /// On this machine, with the log of `choice`. Nothing is read before the first poll.
    pub fn new(choice: &AuthLog) -> Self {
        let passwd = Path::new(PASSWD);
        Self::with(choice, Places::default(), ProcRoot::default(), passwd)
    }

    /// On a machine whose logs, `/proc` and account file are these.
    pub fn with(choice: &AuthLog, places: Places, proc: ProcRoot, passwd: &Path) -> Self {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
        Self {
            proc,
            log: Log::new(choice, places),
            passwd: UserWatch::new(passwd, (0, u32::MAX)),
            users: Users::default(),
            sessions: Tracked::default(),
            candidates: HashMap::new(),
            gone: Gone::default(),
            walk: Walk::default(),
            counted: Counted::default(),
            ticks: ticks.and_then(|it| u64::try_from(it).ok()).unwrap_or(USUAL_TICKS).max(1),
            opened: false,
            looked_back: false,
            now: Duration::ZERO,
        }
    }

    /// What has changed since the last poll. The first one walks all of `/proc`, later ones look at
    /// a bounded part.
    pub fn poll(&mut self, now: Now) -> Vec<SessionEvent> {
        self.now = now.monotonic;
        let mut events = self.sessions.poll(&self.proc, self.now);
        let is_first = !std::mem::replace(&mut self.opened, true);
        if is_first {
            // Before the walk: what is written after this is read as new.
            self.log.open(now.unix_seconds);
        }
        let mut logins = Vec::new();
        let looks_back = self.log.looks_back();
        self.log.poll(self.now, now.unix_seconds, |login, is_old| logins.push((login, is_old)));
        for (login, is_old) in logins {
            let pid = login.pid;
            let at = login.at.and_then(|at| at.unix_seconds(now.unix_seconds));
            if !self.claim(login, Claim { at, is_old }, &mut events) {
                self.counted.refuse(pid, 1);
            }
        }
        if looks_back && !self.log.looks_back() {
            self.candidates.values_mut().for_each(Candidate::look_soon);
        }
        for pid in self.gone.forget(self.now) {
            self.counted.refuse(pid, 1);
        }
        let mut tables = Tables::default();
        self.find(&mut tables, is_first);
        // First, so that a server is known before its sessions are.
        events.splice(0..0, self.walk.changes());
        self.look(&mut tables, now.unix_seconds, &mut events);
        if !self.looked_back {
            self.look_back(now.unix_seconds);
        }
        events
    }

    /// Whether logins of sessions that were there before are still being read. Until then what these
    /// move may be nobody's, so the next poll is better soon.
    pub fn looks_back(&self) -> bool {
        self.log.looks_back()
    }

    /// The sessions that these processes were, which the kernel has seen and which are over.
    pub fn were(&mut self, processes: &[Listener], now: Now) -> Vec<SessionEvent> {
        self.gone.were(processes, now.monotonic, now.unix_seconds)
    }

    /// What a person should know, in sentences.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.log.problems();
        let contested = self.candidates.iter().filter(|(_, it)| it.contested);
        let contested: Vec<_> = contested.map(|(pid, _)| *pid).collect();
        let nobodys = if self.log.looks_back() { Vec::new() } else { self.nobodys(TELL_AFTER) };
        problems.extend(problems::sentences(&self.counted, &nobodys, &contested));
        problems
    }

    /// Sessions that have been nobody's for `long`.
    fn nobodys(&self, long: Duration) -> Vec<u32> {
        let is = |it: &Candidate| {
            it.nobodys.is_some_and(|since| self.now.saturating_sub(since) >= long) && !it.contested
        };
        self.candidates.iter().filter(|(_, it)| is(it)).map(|(pid, _)| *pid).collect()
    }
}
