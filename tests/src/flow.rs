//! One user's traffic over a link.

use std::{net::SocketAddr, path::Path, time::Duration};

use crate::{
    link::Link,
    order::{Exchange, Order, Place, Role},
    process::Process,
    user::TestUser,
};

/// Traffic between a user at the near end and a peer at the far end. The port is the flow's name.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    /// Whose account is looked at.
    pub user: &'a TestUser,
    /// Port of the side that listens.
    pub port: u16,
    /// IPv6, else IPv4.
    pub v6: bool,
    /// What is sent.
    pub kind: Kind,
}

/// Protocol and amounts, seen from the user.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The user connects; the far end closes first.
    Tcp {
        /// Payload bytes the user sends.
        up: u64,
        /// Payload bytes the user receives.
        down: u64,
        /// Bytes of each write.
        write: usize,
    },
    /// The user listens, the far end connects and closes first.
    TcpAccepted {
        /// Payload bytes the user sends.
        up: u64,
        /// Payload bytes the user receives.
        down: u64,
        /// Bytes of each write.
        write: usize,
    },
    /// As `Tcp`, over MPTCP.
    Mptcp {
        /// Payload bytes the user sends.
        up: u64,
        /// Payload bytes the user receives.
        down: u64,
        /// Bytes of each write.
        write: usize,
    },
    /// The far end sends every datagram back.
    Udp {
        /// Rounds of `sends`.
        rounds: u32,
        /// Payload bytes of each send of a round.
        sends: Vec<usize>,
        /// Datagrams that arrive for one round.
        datagrams: u32,
        /// `UDP_SEGMENT`.
        segment: Option<u16>,
    },
}

/// Both ends of a flow under way.
#[derive(Debug)]
pub struct Running {
    /// The user's process.
    pub near: Process,
    /// The peer's.
    pub far: Process,
}

impl Flow<'_> {
    /// Starts both ends, the user's in `cgroup`, the peer as `peer`.
    #[must_use]
    pub fn start(&self, link: &Link, cgroup: &Path, peer: &TestUser) -> Running {
        let near = Place::of(self.user).netns(&link.near.name).cgroup(cgroup);
        let far = Place::of(peer).netns(&link.far.name);
        match &self.kind {
            Kind::Tcp { up, down, write } => {
                let exchange = user_side(*up, *down, *write);
                let at = self.address(Link::far_address(self.v6));
                let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
                let (far, _) = Order::new(far, serve).listen();
                let connect = Role::TcpConnect { to: at, exchange, retry: false };
                Running { near: Order::new(near, connect).start(), far }
            }
            Kind::Mptcp { up, down, write } => {
                let exchange = user_side(*up, *down, *write);
                let to = self.address(Link::far_address(self.v6));
                let serve = Role::MptcpListen { at: to, exchange: exchange.mirrored() };
                let (far, _) = Order::new(far, serve).listen();
                let near = Order::new(near, Role::MptcpConnect { to, exchange });
                Running { near: near.start(), far }
            }
            Kind::TcpAccepted { up, down, write } => {
                let exchange = user_side(*up, *down, *write);
                let at = self.address(Link::near_address(self.v6));
                let (near, _) =
                    Order::new(near, Role::TcpListen { at, exchange, connections: 1 }).listen();
                let exchange = exchange.mirrored();
                let connect = Role::TcpConnect { to: at, exchange, retry: false };
                Running { near, far: Order::new(far, connect).start() }
            }
            Kind::Udp { rounds, sends, datagrams, segment } => {
                let at = self.address(Link::far_address(self.v6));
                let echo = Role::UdpEcho { at, datagrams: rounds * datagrams };
                let (far, _) = Order::new(far, echo).listen();
                let (rounds, sends, segment) = (*rounds, sends.clone(), *segment);
                let send = Role::UdpSend { to: at, rounds, sends, segment };
                Running { near: Order::new(near, send).start(), far }
            }
        }
    }

    fn address(&self, ip: std::net::IpAddr) -> SocketAddr {
        SocketAddr::new(ip, self.port)
    }
}

fn user_side(up: u64, down: u64, write: usize) -> Exchange {
    Exchange { send: up, receive: Some(down), write, closes_first: false, progress: None }
}

impl Running {
    /// Waits for both to end well.
    pub fn finish(self, deadline: Duration) {
        self.near.success(deadline);
        self.far.success(deadline);
    }
}
