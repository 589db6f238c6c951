//! Who is logged in, as the sources tell it.

use std::net::IpAddr;

/// A server of SSH sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Server {
    /// sshd; from 9.8 on with sshd-session, from 10.0 on with sshd-auth.
    OpenSsh,
    /// dropbear.
    Dropbear,
    /// Xray or v2ray, whose sessions are none of these.
    Xray,
}

impl Server {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenSsh => "openssh",
            Self::Dropbear => "dropbear",
            Self::Xray => "xray",
        }
    }
}

/// One process of a session, with which a user's destination sockets are opened. A session of
/// OpenSSH has two: the monitor, and its child that has become the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The process.
    pub pid: u32,
    /// Its start, in clock ticks since boot (field 22 of `/proc/PID/stat`): another process with
    /// the same id has another one.
    pub start_time: u64,
    /// Whose process it is.
    pub server: Server,
    /// Account name.
    pub user: String,
    /// Where the client is, as the server sees it. IPv4 that came over an IPv6 socket is IPv4.
    pub client: Option<IpAddr>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// Whose socket the client's end is, where it is on this machine: a proxy in front.
    pub front: Option<u32>,
    /// Unix seconds of the login; where no line tells it, of the process' start.
    pub since: u64,
}

/// A process that listens for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The process.
    pub pid: u32,
    /// As [`Session::start_time`].
    pub start_time: u64,
    /// Which server.
    pub server: Server,
}

/// What became known in a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A server listens for clients.
    Listens(Listener),
    /// It does not any more.
    ListenerEnded {
        /// [`Listener::pid`].
        pid: u32,
    },
    /// Somebody is logged in.
    Began(Session),
    /// The process has ended, or is not known any more to be the user's.
    Ended {
        /// [`Session::pid`].
        pid: u32,
        /// [`Session::start_time`].
        start_time: u64,
    },
}
