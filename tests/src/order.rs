//! What `vpnmon-traffic` is told to do: one JSON argument.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{process::Process, user::TestUser, wait::SOON};

/// Where a process stands, then what it does there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Entered first, as root.
    pub place: Place,
    /// Done there.
    pub role: Role,
}

/// Cgroup, network namespace and uid of a process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Directory of the cgroup.
    pub cgroup: Option<PathBuf>,
    /// Name of the network namespace.
    pub netns: Option<String>,
    /// User and group id, without other groups; stays root without one.
    pub uid: Option<u32>,
}

/// One way to make traffic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Role {
    /// Prints `port N`, then serves `connections`, one after the other.
    TcpListen {
        /// Port 0: any.
        at: SocketAddr,
        /// Done on each connection.
        exchange: Exchange,
        /// How many.
        connections: u32,
    },
    /// Connects, trying again while refused if `retry`.
    TcpConnect {
        /// The other end.
        to: SocketAddr,
        /// Done on the connection.
        exchange: Exchange,
        /// Whether the other end may still be starting.
        retry: bool,
    },
    /// Connects, which must be refused; prints `refused`.
    TcpRefused {
        /// Nobody listens there.
        to: SocketAddr,
    },
    /// Both ends of a loopback connection, each with a socket of its own uid. The server closes
    /// first and both stay until all is acknowledged, so every packet has a full socket at either
    /// end, or the listener for it. Prints the
    /// `up N` and `down N` bytes on the wire, seen from the client, as TCP itself counts.
    TcpBetween {
        /// uid of the client's socket.
        client: u32,
        /// uid of the server's sockets.
        server: u32,
        /// IPv6, else IPv4.
        v6: bool,
        /// Payload bytes from the client, sent first.
        up: usize,
        /// Payload bytes from the server.
        down: usize,
    },
    /// Prints `port N`, then sends back `datagrams`, each to its sender.
    UdpEcho {
        /// Port 0: any.
        at: SocketAddr,
        /// How many.
        datagrams: u32,
    },
    /// Sends in rounds and waits for each round's echoes, so that no receive buffer overflows.
    UdpSend {
        /// The echo.
        to: SocketAddr,
        /// Rounds.
        rounds: u32,
        /// Bytes of each send call of a round.
        sends: Vec<usize>,
        /// `UDP_SEGMENT`: the kernel cuts each send into datagrams of this size.
        segment: Option<u16>,
    },
    /// A socket and one loopback datagram of `payload` bytes for each uid; prints `done`.
    ManyUids {
        /// First uid.
        first: u32,
        /// How many.
        count: u32,
        /// Payload bytes.
        payload: usize,
    },
    /// Becomes `command` in a mount namespace of its own.
    Isolated {
        /// Unmounted there, if mounted.
        unmount: Vec<PathBuf>,
        /// Read-only there.
        read_only: Vec<PathBuf>,
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Becomes `command`, whose `/dev/log` is another one.
    Logged {
        /// The socket of an [`AuthLog`](crate::auth_log::AuthLog).
        log: PathBuf,
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Becomes a journald whose `/run` and `/dev` are others than the machine's.
    Journald,
    /// Prints `port N`; then each connection becomes the stdin of a child that is a `Session`, and
    /// `session PID PORT` with the client's port is printed. Not even a server of sessions, but in
    /// `/proc` it looks like one.
    SessionServer {
        /// Port 0: any.
        at: SocketAddr,
    },
    /// Lives until its stdin ends.
    Session,
}

/// What happens on one TCP connection: both ways at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Bytes to send.
    pub send: u64,
    /// Bytes to receive; without a number: all until the other end closes.
    pub receive: Option<u64>,
    /// Bytes of each write.
    pub write: usize,
    /// Closes when done, else waits for the other end to close. Whoever closes first keeps a
    /// TIME_WAIT socket, whose last acknowledgement no cgroup hook sees.
    pub closes_first: bool,
    /// Prints `sent N` each time so many more bytes are written.
    pub progress: Option<u64>,
}

impl Exchange {
    /// The same connection from the other end.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self {
            send: self.receive.unwrap_or(0),
            receive: Some(self.send),
            closes_first: !self.closes_first,
            progress: None,
            ..self
        }
    }
}

impl Order {
    /// `role` at `place`.
    #[must_use]
    pub fn new(place: Place, role: Role) -> Self {
        Self { place, role }
    }

    /// Starts it.
    #[must_use]
    pub fn start(&self) -> Process {
        let text = serde_json::to_string(self).unwrap_or_else(|e| panic!("order: {e}"));
        Process::start(&format!("vpnmon-traffic {text}"), Command::new(program()).arg(text))
    }

    /// Starts a listener and waits for its port.
    #[must_use]
    pub fn listen(&self) -> (Process, u16) {
        let mut process = self.start();
        let port = process.number("port", SOON);
        (process, u16::try_from(port).unwrap_or_else(|e| panic!("port {port}: {e}")))
    }
}

impl Place {
    /// As `user`.
    #[must_use]
    pub fn of(user: &TestUser) -> Self {
        Self { uid: Some(user.uid), ..Self::default() }
    }

    /// In the network namespace `name`.
    #[must_use]
    pub fn netns(self, name: &str) -> Self {
        Self { netns: Some(name.to_owned()), ..self }
    }

    /// In the cgroup at `path`.
    #[must_use]
    pub fn cgroup(self, path: &Path) -> Self {
        Self { cgroup: Some(path.to_owned()), ..self }
    }
}

/// Cargo builds it beside the directory of the test binaries; elsewhere `VPNMON_TRAFFIC` names it.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("VPNMON_TRAFFIC") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap_or_else(|e| panic!("where am I: {e}"));
    let built = test.ancestors().nth(2).map(|dir| dir.join("vpnmon-traffic"));
    let built = built.filter(|file| file.is_file());
    built.unwrap_or_else(|| panic!("no vpnmon-traffic beside {}", test.display()))
}
