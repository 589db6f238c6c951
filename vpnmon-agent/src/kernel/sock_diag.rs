//! Sockets of a network namespace: listed, and ended by force, over sock_diag(7).
//!
//! Layouts are those of linux/inet_diag.h; numbers in the machine's order, ports and addresses as
//! they come.

mod message;

use std::{fs::File, io, thread};

use netlink_sys::{Socket, SocketAddr as Netlink, protocols::NETLINK_SOCK_DIAG};
use nix::sched::{CloneFlags, setns};

use self::message::{Answer, Order, answers, request};
pub use self::message::{Found, fuzz};
use super::netlink::ROOM;

/// `AF_INET` or `AF_INET6`, and `IPPROTO_TCP` or `IPPROTO_UDP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    family: u8,
    protocol: u8,
}

/// TCP over IPv4 and IPv6.
pub const TCP: [Kind; 2] = [Kind { family: 2, protocol: 6 }, Kind { family: 10, protocol: 6 }];
/// Families and protocols that a user can send with.
pub const KINDS: [Kind; 4] =
    [TCP[0], TCP[1], Kind { family: 2, protocol: 17 }, Kind { family: 10, protocol: 17 }];

/// Which sockets of a kind are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Bits of TCP's states (net/tcp_states.h).
    states: u32,
    /// The port of this end; 0 for any.
    port: u16,
}

impl Which {
    /// All but TIME_WAIT, which has no owner and sends nothing of its own.
    pub const OWNED: Self = Self { states: !(1 << 6), port: 0 };

    /// Those that have a peer: ESTABLISHED, SYN_RECV, FIN_WAIT1 and 2, CLOSE_WAIT, LAST_ACK and
    /// CLOSING. A `port` of 0 is any.
    pub const fn connected(port: u16) -> Self {
        Self { states: 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11, port }
    }
}

/// Asks about one namespace.
pub struct Diag(Socket);

impl Diag {
    /// About the one that this thread is in.
    pub fn here() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&Netlink::new(0, 0))?;
        Ok(Self(socket))
    }

    /// About that of `netns`, a file of nsfs. The thread that goes there for it is over after this.
    pub fn open(netns: &File) -> io::Result<Self> {
        let made = thread::scope(|scope| {
            let enter = || {
                setns(netns, CloneFlags::CLONE_NEWNET)?;
                Self::here()
            };
            scope.spawn(enter).join()
        });
        made.unwrap_or_else(|_| Err(io::Error::other("the thread for it has failed")))
    }

    /// The sockets of a kind; none where the kernel has no such protocol, or no diagnosis of it.
    pub fn list(&self, kind: Kind, which: Which) -> io::Result<Vec<Found>> {
        self.0.send(&request(&Order::List(which), kind), 0)?;
        let mut found = Vec::new();
        loop {
            match self.receive(|socket| found.extend(socket)) {
                Ok(true) => {}
                Ok(false) => return Ok(found),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends a socket as if its connection were reset; one that is gone already is fine.
    ///
    /// An error of kind [`io::ErrorKind::Unsupported`] is a kernel that cannot do it.
    pub fn destroy(&self, kind: Kind, socket: &Found) -> io::Result<()> {
        self.0.send(&request(&Order::Destroy(socket), kind), 0)?;
        match self.receive(|_| ()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let why = "this kernel ends no sockets (SOCK_DESTROY): it is built without \
                           CONFIG_INET_DIAG_DESTROY";
                Err(io::Error::new(io::ErrorKind::Unsupported, why))
            }
            other => other.map(|_| ()),
        }
    }

    /// Reads what has come. Whether there is more to come.
    fn receive(&self, mut each: impl FnMut(Option<Found>)) -> io::Result<bool> {
        let mut room = Vec::with_capacity(ROOM);
        self.0.recv(&mut room, 0)?;
        for answer in answers(&room) {
            match answer {
                Answer::Done => return Ok(false),
                Answer::Judged(judgement) => return judgement.map(|()| false),
                Answer::Socket(socket) => each(socket),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn own_sockets_are_listed() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let udp = UdpSocket::bind("[::1]:0").unwrap();
        let sockets = [
            (KINDS[0], tcp.local_addr().unwrap().port()),
            (KINDS[0], client.local_addr().unwrap().port()),
            (KINDS[3], udp.local_addr().unwrap().port()),
        ];
        let netns = File::open("/proc/self/ns/net").unwrap();
        for diag in [Diag::here().unwrap(), Diag::open(&netns).unwrap()] {
            for (kind, port) in sockets {
                let found = diag.list(kind, Which::OWNED).unwrap();
                let ours = found.iter().find(|it| it.port() == port).unwrap();
                assert_eq!(ours.uid, nix::unistd::getuid().as_raw());
                assert!(ours.inode != 0 && ours.cookie() != 0);
            }
        }
    }

    #[test]
    fn connections_are_found_by_port() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _served = listener.accept().unwrap();
        let diag = Diag::here().unwrap();
        let found = TCP.map(|kind| diag.list(kind, Which::connected(port)).unwrap()).concat();
        let peers: Vec<_> = found.iter().map(Found::peer).collect();
        assert_eq!(peers, [client.local_addr().unwrap()]);
    }
}
