//! What `vpnmon-traffic` is told to do: one JSON argument.

mod amounts;

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

pub use self::amounts::{Burst, Exchange, Way};
use crate::{process::Process, user::TestUser, wait::SOON};

/// Where a process stands, then what it does there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Entered first, as root.
    pub place: Place,
    /// Done there.
    pub role: Role,
    /// Most bytes a second that a TCP socket sends; datagrams then wait a while after the first
    /// round, and who closes second waits a little. Tools that look at connections now and then see
    /// nothing of faster ones.
    pub pace: Option<u32>,
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
    /// Prints `port N`, then serves one connection, which is to hear before it says anything.
    TcpAnswer {
        /// Port 0: any.
        at: SocketAddr,
        /// Done on the connection.
        exchange: Exchange,
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
    /// [`Role::TcpListen`] over MPTCP (RFC 8684), for one connection.
    MptcpListen {
        /// Port 0: any.
        at: SocketAddr,
        /// Done on the connection.
        exchange: Exchange,
    },
    /// [`Role::TcpConnect`] over MPTCP.
    MptcpConnect {
        /// The other end.
        to: SocketAddr,
        /// Done on the connection.
        exchange: Exchange,
    },
    /// Connects and says a TLS hello with this server name first; it is part of what is sent. Who
    /// closes first does it like most programs, whatever is still on its way.
    TcpVisit {
        /// The other end.
        to: SocketAddr,
        /// The server name.
        name: String,
        /// Done on the connection.
        exchange: Exchange,
    },
    /// Connects to `to` through a SOCKS5 server, trying again while that one is not there yet.
    SocksConnect {
        /// The SOCKS5 server.
        proxy: SocketAddr,
        /// The other end.
        to: SocketAddr,
        /// Done on the connection.
        exchange: Exchange,
    },
    /// The same on the stdin and stdout of a command.
    Piped {
        /// Program and arguments.
        command: Vec<String>,
        /// Done there; the other end closes first.
        exchange: Exchange,
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
    /// Says these datagrams to one peer and waits for the echo of each.
    UdpSay {
        /// The echo.
        to: SocketAddr,
        /// What.
        datagrams: Vec<Vec<u8>>,
    },
    /// Sends datagrams from several threads as fast as they go, each until so many were refused
    /// (EPERM); prints `sent N`, the datagrams that were not.
    UdpFlood {
        /// A [`Role::UdpSink`].
        to: SocketAddr,
        /// Threads, each with a socket of its own.
        threads: u32,
        /// Bytes of each datagram.
        payload: usize,
        /// When a thread ends,
        refusals: u32,
        /// unless it has sent so many before.
        most: u64,
    },
    /// Prints `port N`, then throws away what comes, until it is killed.
    UdpSink {
        /// Port 0: any.
        at: SocketAddr,
    },
    /// Connects `connections` times, one after the other; several close like most programs do,
    /// without waiting for the other end.
    TcpMany {
        /// The other end.
        to: SocketAddr,
        /// Done on each connection.
        exchange: Exchange,
        /// How many.
        connections: u32,
    },
    /// Connects and sends by one of the kernel's other ways, then waits for the other end to close.
    TcpSend {
        /// The other end.
        to: SocketAddr,
        /// How.
        way: Way,
        /// Bytes to send.
        bytes: usize,
    },
    /// Prints `port N`, takes one connection and passes it on to `to`, both ways to the end.
    TcpProxy {
        /// Port 0: any.
        at: SocketAddr,
        /// Where to.
        to: SocketAddr,
    },
    /// Prints `port N`, then answers every request to become a WebSocket with `101` and passes the
    /// bytes of its connection on to `to`, as they are: what panels put in front of SSH servers.
    Upgrader {
        /// Port 0: any.
        at: SocketAddr,
        /// Where to.
        to: SocketAddr,
    },
    /// The client of such a proxy: asks, and is then what `ProxyCommand` of ssh wants.
    Upgraded {
        /// The proxy.
        to: SocketAddr,
        /// Whom the request says it comes from, as a web server in front would.
        forwarded_for: Ipv4Addr,
    },
    /// Prints `port N`, then answers `bursts` bursts of [`Role::BurstAsk`] with the like.
    BurstAnswer {
        /// Port 0: any.
        at: SocketAddr,
        /// How many.
        bursts: u32,
        /// How each is sent.
        shape: Burst,
    },
    /// Sends bursts of datagrams as a QUIC stack would and waits for each one's answer.
    BurstAsk {
        /// The other end.
        to: SocketAddr,
        /// How many.
        bursts: u32,
        /// How each is sent.
        shape: Burst,
    },
    /// Sends echo requests over a raw socket and waits for each one's reply.
    Ping {
        /// Who replies.
        to: Ipv4Addr,
        /// How many.
        packets: u16,
        /// Bytes after the ICMP header.
        payload: usize,
    },
    /// Sends UDP packets made by hand over a packet socket, below IP.
    FrameSend {
        /// Where they leave.
        device: String,
        /// Address they claim to come from.
        from: SocketAddrV4,
        /// The other end, which need not exist.
        to: SocketAddrV4,
        /// How many.
        packets: u32,
        /// Bytes after the UDP header.
        payload: usize,
    },
    /// Prints `began`, then visits hosts with names of its own, one after the other, without waiting
    /// for an answer; prints `done`.
    Visits {
        /// The server.
        to: SocketAddr,
        /// What is behind the number in each name.
        domain: String,
        /// How many names.
        count: u32,
        /// Requests on a connection; of one alone it is a ClientHello.
        a_connection: u32,
        /// Milliseconds between two connections.
        pause_ms: u64,
    },
    /// Sends the same datagram from a socket that has no one peer; prints `sent N`.
    Datagrams {
        /// Where to.
        to: SocketAddr,
        /// What.
        payload: Vec<u8>,
        /// How many at most.
        count: u32,
        /// Microseconds between two.
        pause_us: u64,
        /// For so many milliseconds at most.
        millis: u64,
    },
    /// Prints `ready`, then passes frames between two devices, loses some and changes the order of
    /// others: netem's work, the same on each run, on kernels that have no netem.
    Hop {
        /// The devices.
        devices: [String; 2],
        /// One frame in so many is lost.
        lose_one_in: u32,
        /// One frame in so many lets the next two pass.
        delay_one_in: u32,
    },
    /// Makes a tun device in each of two network namespaces, prints `ready`, then passes the packets
    /// of each to the other.
    Tunnel {
        /// Name of the namespace and of the device.
        ends: [(String, String); 2],
    },
    /// Goes into a user and a network namespace of its own, where it has the uid `inside`, prints
    /// `inside`, waits until the file `until` is there, and does `then`.
    Container {
        /// The uid there.
        inside: u32,
        /// Made by the test when the network is.
        until: PathBuf,
        /// Done there.
        then: Box<Role>,
    },
    /// A socket and one loopback datagram of `payload` bytes for each uid; prints `done`.
    ManyUids {
        /// First uid.
        first: u32,
        /// How many.
        count: u32,
        /// Payload bytes.
        payload: usize,
        /// `SO_MARK`; 0 sets none.
        mark: u32,
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
        /// A directory of another release's libraries, to be found before the machine's own. Not by
        /// its `ld.so` with `--library-path`: then `/proc/PID/exe` would be that `ld.so`.
        libraries: Option<PathBuf>,
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
        /// As programs in Go listen.
        over_mptcp: bool,
    },
    /// Plays each role that its client sends as a line of JSON, and answers each with a line, until
    /// the client has gone. The client is stdin.
    Session,
}

impl Order {
    /// `role` at `place`.
    #[must_use]
    pub fn new(place: Place, role: Role) -> Self {
        Self { place, role, pace: None }
    }

    /// The same, not faster than `rate` bytes a second.
    #[must_use]
    pub fn paced(self, rate: u32) -> Self {
        Self { pace: Some(rate), ..self }
    }

    /// The same, with CAP_NET_RAW for the user of `place`.
    #[must_use]
    pub fn with_net_raw(self) -> Self {
        let Place { cgroup, netns, uid } = self.place;
        let uid = uid.unwrap_or_default().to_string();
        let inner = Self { place: Place::default(), ..self };
        let words = ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups"];
        let rights = ["--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"];
        let program = [program().display().to_string(), inner.text()];
        let command = [&words[..], &rights].concat().into_iter().map(str::to_owned);
        let command = command.chain(program).collect();
        let role = Role::Isolated { unmount: Vec::new(), read_only: Vec::new(), command };
        Self::new(Place { cgroup, netns, uid: None }, role)
    }

    /// The command line for a shell.
    #[must_use]
    pub fn for_shell(&self) -> String {
        // No JSON of an order holds a single quote.
        format!("{} '{}'", program().display(), self.text())
    }

    /// The argument of vpnmon-traffic.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|e| panic!("order: {e}"))
    }

    /// Starts it.
    #[must_use]
    pub fn start(&self) -> Process {
        let text = self.text();
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

/// Cargo builds it beside other programs, and beside the directory of the test binaries; elsewhere
/// `VPNMON_TRAFFIC` names it.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("VPNMON_TRAFFIC") {
        return named.into();
    }
    let this = std::env::current_exe().unwrap_or_else(|e| panic!("where am I: {e}"));
    let mut built = this.ancestors().skip(1).take(2).map(|dir| dir.join("vpnmon-traffic"));
    let built = built.find(|file| file.is_file());
    built.unwrap_or_else(|| panic!("no vpnmon-traffic beside {}", this.display()))
}

/// So many datagrams of 1000 bytes of the user's to an echo of root's, over loopback.
pub fn send_over_loopback(user: &TestUser, datagrams: u32) {
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let (echo, port) = Order::new(Place::default(), Role::UdpEcho { at, datagrams }).listen();
    let to = (Ipv4Addr::LOCALHOST, port).into();
    let send = Role::UdpSend { to, rounds: datagrams, sends: vec![1000], segment: None };
    Order::new(Place::of(user), send).start().success(SOON);
    echo.success(SOON);
}
