//! Whose session a process is: what lines say, as far as `/proc` bears it out.

use std::{net::SocketAddr, time::Duration};

use super::{
    Session,
    candidate::{Candidate, Claim},
    message::Accepted,
    process::{Origin, Process, Stage, client, only_socket, origin, process, stage},
    procfs::ProcRoot,
    sockets::Tables,
};
use crate::users::Users;

/// A server says that somebody is in just before it lets him in.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds. A line's local time is an hour off where clocks were put back, and a clock may have been
/// set.
pub const CLOCKS_DIFFER: u64 = 3700;

/// What a look shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody is in, or it is not known who.
    Wait,
    /// It is no process that could have a session.
    No,
    /// These are. `by_line` where nothing but a line says whose.
    Sessions {
        /// One or two processes.
        sessions: Vec<Session>,
        /// Whether a second line could say something else.
        by_line: bool,
    },
}

/// What all looks of one poll share.
pub struct Look<'a> {
    pub proc: &'a ProcRoot,
    pub tables: &'a mut Tables,
    pub users: &'a Users,
    /// Since an unnamed moment.
    pub now: Duration,
    /// Older lines are still to come.
    pub looks_back: bool,
    /// Unix seconds at boot, if known.
    pub boot: Option<u64>,
    pub unix_seconds: u64,
    /// Clock ticks a second.
    pub ticks: u64,
}

impl Candidate {
    /// Looks. The claims that turn out to be untrue are counted in `refused`.
    pub fn judge(&mut self, pid: u32, look: &mut Look<'_>, refused: &mut u64) -> Verdict {
        self.looked(look.now);
        let it = process(look.proc, pid).filter(|it| it.start_time == self.start_time);
        let Some(it) = it else { return Verdict::No };
        let origin = origin(look.proc, &it);
        if origin == Origin::Foreign {
            *refused += self.claims.len() as u64;
            return Verdict::No;
        }
        match stage(look.proc, &it, &origin) {
            Stage::Before => {
                let since = look.now.saturating_sub(self.claimed.unwrap_or(look.now));
                if since > PATIENCE {
                    *refused += std::mem::take(&mut self.claims).len() as u64;
                    self.claimed = None;
                }
                Verdict::Wait
            }
            Stage::User(user, beside) => {
                self.openssh(look, &it, &origin, (&user, &beside), refused)
            }
            Stage::Uid(uid) => self.of_uid(look, &it, &origin, uid, refused),
            Stage::Somebody => self.by_line(look, &it, &origin, refused),
        }
    }

    /// The monitor names the user; lines only tell when.
    fn openssh(
        &mut self,
        look: &mut Look<'_>,
        it: &Process,
        origin: &Origin,
        (user, beside): (&str, &[Process]),
        refused: &mut u64,
    ) -> Verdict {
        // A server in a container has other users, of the same names.
        let expected = look.users.uid(user);
        let is_another = |child: &Process| expected.is_some() && child.uid != expected;
        if beside.iter().any(is_another) {
            return Verdict::No;
        }
        let client = client(look.proc, look.tables, it, origin);
        // A monitor's own sockets are the client's, whoever listened.
        let alone = || beside.first().and_then(|_| only_socket(look.proc, look.tables, it));
        let client = client.or_else(alone).map(|(_, _, client)| client);
        let line = self.matching(look, it, client, refused).find(|(said, _)| said.user == user);
        let since =
            line.and_then(|(_, claim)| claim.at).unwrap_or_else(|| look.started(it.start_time));
        let processes = [it].into_iter().chain(beside);
        let sessions =
            processes.map(|process| session(look, process, user, client, since)).collect();
        Verdict::Sessions { sessions, by_line: false }
    }

    /// The process has become the user. Two names can have one uid, so a line is waited for.
    fn of_uid(
        &mut self,
        look: &mut Look<'_>,
        it: &Process,
        origin: &Origin,
        uid: u32,
        refused: &mut u64,
    ) -> Verdict {
        let client = client(look.proc, look.tables, it, origin).map(|(_, _, client)| client);
        if client.is_none() {
            return Verdict::Wait;
        }
        let users = look.users;
        let mut lines = self.matching(look, it, client, refused);
        let line = lines.find(|(said, _)| users.uid(&said.user) == Some(uid)).cloned();
        drop(lines);
        if line.is_none() && look.now.saturating_sub(self.first_seen) < PATIENCE {
            return Verdict::Wait;
        }
        let since = line.as_ref().and_then(|(_, claim)| claim.at);
        let since = since.unwrap_or_else(|| look.started(it.start_time));
        let user = line.map_or_else(|| look.users.key(uid).name, |(said, _)| said.user);
        Verdict::Sessions {
            sessions: vec![session(look, it, &user, client, since)],
            by_line: false,
        }
    }

    /// The process stays root: only a line says whose it is.
    fn by_line(
        &mut self,
        look: &mut Look<'_>,
        it: &Process,
        origin: &Origin,
        refused: &mut u64,
    ) -> Verdict {
        let client = client(look.proc, look.tables, it, origin).map(|(_, _, client)| client);
        if client.is_none() {
            return Verdict::Wait;
        }
        let mut lines: Vec<_> = self.matching(look, it, client, refused).cloned().collect();
        self.nobodys = self.nobodys.or(Some(look.now));
        if look.looks_back && self.was_there_before {
            return Verdict::Wait;
        }
        let count = lines.len() as u64;
        let first = first(&mut lines).filter(|_| !self.contested);
        self.contested |= first.is_none() && count > 0;
        let Some((said, claim)) = first else { return Verdict::Wait };
        *refused += count - 1;
        let since = claim.at.unwrap_or(look.unix_seconds);
        let session = session(look, it, &said.user, client, since);
        Verdict::Sessions { sessions: vec![session], by_line: true }
    }

    /// The claims that name the client which the process really has, and come from its lifetime. The
    /// others are refused.
    fn matching(
        &mut self,
        look: &Look<'_>,
        it: &Process,
        client: Option<SocketAddr>,
        refused: &mut u64,
    ) -> impl Iterator<Item = &(Accepted, Claim)> {
        let before = self.claims.len();
        let earliest = look.boot.map(|_| look.started(it.start_time).saturating_sub(CLOCKS_DIFFER));
        self.claims.retain(|(said, claim)| {
            let said = SocketAddr::new(said.client, said.port);
            let in_time = claim.at.zip(earliest).is_none_or(|(at, earliest)| at >= earliest);
            client.is_none_or(|client| client == said) && in_time
        });
        *refused += (before - self.claims.len()) as u64;
        self.claims.iter().filter(move |_| client.is_some())
    }
}

/// The line that tells the truth: the only one. Of older lines it is the first, for the one who could
/// forge an earlier one would have to do so within the moment of the login. Nobody can tell what is
/// true of lines that came at once.
fn first(lines: &mut [(Accepted, Claim)]) -> Option<&(Accepted, Claim)> {
    lines.sort_by_key(|(_, claim)| claim.at);
    match &*lines {
        [] => None,
        [line] => Some(line),
        [first, second, ..] => {
            let apart = second.1.at?.checked_sub(first.1.at?)? > PATIENCE.as_secs();
            (apart && lines.iter().all(|(_, claim)| claim.is_old)).then_some(first)
        }
    }
}

impl Look<'_> {
    /// Unix seconds of a process' start; now, if boot's are not known.
    pub fn started(&self, start_time: u64) -> u64 {
        self.boot.map_or(self.unix_seconds, |boot| boot + start_time / self.ticks)
    }
}

fn session(
    look: &mut Look<'_>,
    it: &Process,
    user: &str,
    client: Option<SocketAddr>,
    since: u64,
) -> Session {
    let local = client.filter(|client| client.ip().is_loopback());
    let front = local.and_then(|client| {
        let table = look.tables.of(look.proc, it.pid);
        table.values().find(|socket| socket.local == client).map(|socket| socket.uid)
    });
    Session {
        front,
        pid: it.pid,
        start_time: it.start_time,
        server: it.server,
        user: user.to_owned(),
        client: client.map(|client| client.ip()),
        client_port: client.map(|client| client.port()),
        since,
    }
}
