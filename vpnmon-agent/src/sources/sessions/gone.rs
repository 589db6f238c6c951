//! Sessions that are over before anybody has looked.
//!
//! Their line comes, and there is no process any more to hold it to. That there was one, that a
//! listening dropbear had made it, and that it opened connections, the kernel has seen: it counts
//! them apart until somebody says whose they are. Who writes a line of his own about such a process
//! can at most take it from its user: two lines that name different users are worth nothing.

use std::{collections::HashMap, time::Duration};

use super::{Listener, Session, SessionEvent, message::Accepted};

/// A line may be late, and so may another one that contradicts it.
const SETTLES: Duration = Duration::from_millis(500);
/// Nobody asks for a line about a process longer than this.
const LASTS: Duration = Duration::from_secs(5);
/// Processes with such lines.
const MAX_PROCESSES: usize = 4096;

/// What lines say about processes that are gone.
#[derive(Debug, Default)]
pub struct Gone(HashMap<u32, Claims>);

#[derive(Debug)]
struct Claims {
    said: Accepted,
    at: Option<u64>,
    since: Duration,
    contested: bool,
}

impl Gone {
    /// A line, perhaps with its time, is about a process that is not there; false if there is no
    /// room.
    pub fn claim(&mut self, pid: u32, said: &Accepted, at: Option<u64>, now: Duration) -> bool {
        if self.0.len() >= MAX_PROCESSES && !self.0.contains_key(&pid) {
            return false;
        }
        let claims = self.0.entry(pid);
        let new = || Claims { said: said.clone(), at, since: now, contested: false };
        let claims = claims.or_insert_with(new);
        claims.contested |= claims.said != *said;
        true
    }

    /// The sessions that these processes were: begun and ended.
    pub fn were(
        &mut self,
        processes: &[Listener],
        now: Duration,
        unix_seconds: u64,
    ) -> Vec<SessionEvent> {
        let was = |it: &Listener| {
            let claims = self.0.get(&it.pid)?;
            let is_settled = now.saturating_sub(claims.since) >= SETTLES;
            if !is_settled || claims.contested {
                return None;
            }
            let Claims { said, at, .. } = self.0.remove(&it.pid)?;
            let Listener { pid, start_time, server } = *it;
            let session = Session {
                pid,
                start_time,
                server,
                user: said.user,
                client: Some(said.client),
                client_port: Some(said.port),
                front: None,
                since: at.unwrap_or(unix_seconds),
            };
            Some([SessionEvent::Began(session), SessionEvent::Ended { pid, start_time }])
        };
        processes.iter().filter_map(was).flatten().collect()
    }

    /// Lets go of lines that nobody has asked for; about which processes, and how many.
    pub fn forget(&mut self, now: Duration) -> Vec<u32> {
        let old = self.0.extract_if(|_, claims| now.saturating_sub(claims.since) >= LASTS);
        old.map(|(pid, _)| pid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Server;

    const IT: Listener = Listener { pid: 300, start_time: 7, server: Server::Dropbear };

    fn said(user: &str, port: u16) -> Accepted {
        Accepted { user: user.to_owned(), client: [1, 2, 3, 4].into(), port }
    }

    /// Each line, by user and port, comes at a time in milliseconds; who the session was at 1 s.
    fn check(lines: &[(&str, u16, u64)], expected: Option<&str>) {
        let mut gone = Gone::default();
        for (user, port, at) in lines {
            assert!(gone.claim(IT.pid, &said(user, *port), None, Duration::from_millis(*at)));
        }
        let events = gone.were(&[IT], Duration::from_secs(1), 99);
        let began = events.iter().find_map(|event| match event {
            SessionEvent::Began(session) => Some(session.user.as_str()),
            _ => None,
        });
        assert_eq!(began, expected, "{lines:?}");
        let ended = SessionEvent::Ended { pid: IT.pid, start_time: IT.start_time };
        assert_eq!(events.last(), expected.map(|_| &ended));
        assert_eq!(gone.were(&[IT], Duration::from_secs(1), 99), [], "once");
    }

    #[test]
    fn one_line_tells_whose_it_was() {
        check(&[], None);
        check(&[("john", 5, 0)], Some("john"));
        check(&[("john", 5, 0), ("john", 5, 1)], Some("john"));
        check(&[("john", 5, 600)], None);
    }

    #[test]
    fn lines_that_differ_are_worth_nothing() {
        check(&[("john", 5, 0), ("jane", 5, 1)], None);
        check(&[("john", 5, 0), ("john", 6, 1)], None);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut gone = Gone::default();
        let pids = 2..=u32::try_from(MAX_PROCESSES).unwrap() + 2;
        let taken = pids.filter(|pid| gone.claim(*pid, &said("john", 5), None, Duration::ZERO));
        assert_eq!(taken.count(), MAX_PROCESSES);
        assert!(gone.claim(2, &said("john", 5), None, Duration::ZERO), "it is known");
        assert!(gone.forget(LASTS / 2).is_empty());
        assert_eq!(gone.forget(LASTS).len(), MAX_PROCESSES);
        assert_eq!(gone.were(&[IT], LASTS, 99), []);
    }
}
