//! Who is logged in over SSH, from where, and with which process.
//!
//! The servers' log tells of a login at once, and nothing of it is believed that `/proc` does not
//! show: a log line is text, and anybody may write one. OpenSSH's sessions show in `/proc` alone;
//! those of dropbear before 2025.89, which stay root, do not show whose they are, so for them the
//! line is needed.

mod candidate;
mod child;
mod gone;
mod journal;
mod lines;
mod log;
mod lookback;
mod message;
mod places;
mod problems;
mod process;
mod procfs;
mod sockets;
mod stamp;
mod syslog;
mod tail;
#[cfg(test)]
mod tests;
mod tracked;
mod verdict;
mod walk;
mod watch;

use self::{message::Accepted, stamp::Stamp};
pub use self::{
    places::Places,
    procfs::{FdKind, ProcRoot},
    sockets::Tables,
    tail::Tail,
    watch::SessionWatch,
};
pub use crate::session::{Listener, Server, Session, SessionEvent};

impl Server {
    /// By the name in its log lines.
    fn named(tag: &[u8]) -> Option<Self> {
        match tag {
            b"sshd" | b"sshd-session" => Some(Self::OpenSsh),
            b"dropbear" => Some(Self::Dropbear),
            _ => None,
        }
    }

    /// By the name of its program's file.
    fn of_program(name: &[u8]) -> Option<Self> {
        match name {
            b"sshd" | b"sshd-session" | b"sshd-auth" => Some(Self::OpenSsh),
            b"dropbear" | b"dropbearmulti" => Some(Self::Dropbear),
            _ => None,
        }
    }
}

/// What a line of the log claims.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    pid: u32,
    server: Server,
    at: Option<Stamp>,
    said: Accepted,
}

/// Takes any line, of a file or of the journal.
///
/// # Panics
/// Where a login is read that none could be.
pub fn fuzz_line(line: &[u8]) {
    let journal = journal::entry::Entry::parse(line).and_then(|entry| entry.login());
    for login in journal.into_iter().chain(syslog::login(line)) {
        assert!(login.pid > 1 && login.said.port != 0, "{login:?}");
        assert!(message::is_name(&login.said.user), "{login:?}");
        assert_eq!(login.said.client, login.said.client.to_canonical());
        if let Some(stamp) = login.at {
            let _ = stamp.unix_seconds(0);
            let _ = stamp.unix_seconds(u64::MAX);
        }
    }
    sockets::parse(line).for_each(drop);
}
