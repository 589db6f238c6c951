//! The programs behind a scenario's traffic.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use vpnmon_tests::{
    link::{DEVICE, Link},
    order::{Exchange, Order, Place, Role},
    process::Process,
    user::TestUser,
};

use crate::{
    scenario::Scenario,
    traffic::{SENT, SHORT, Traffic},
};

/// Most bytes a second of a TCP socket, so that nethogs, which looks now and then, sees it at all.
pub const PACE: u32 = 25_000_000;
const FIRST_PORT: u16 = 4001;
/// A proxy and a server for each user.
const PORTS: usize = 2;

/// A user's traffic, at a port of its own.
#[derive(Clone, Copy, Debug)]
pub struct Play<'a> {
    pub traffic: Traffic,
    pub port: u16,
    /// Namespace of the user's processes.
    pub near: &'a str,
    /// Namespace of the peer's.
    pub far: &'a str,
}

/// One for each user of `scenario`.
pub fn plays<'a>(scenario: &Scenario, near: &'a str, far: &'a str) -> Vec<Play<'a>> {
    let each = scenario.traffic.iter().zip((FIRST_PORT..).step_by(PORTS));
    each.map(|(traffic, port)| Play { traffic: *traffic, port, near, far }).collect()
}

impl Play<'_> {
    /// What must be there before the user comes: listening, in the order given.
    pub fn servers(self, user: &TestUser, peer: &TestUser) -> Vec<Process> {
        let at = self.far_address();
        let listen = |place: Place, role| Order::new(place, role).paced(PACE).listen().0;
        let far = || Place::of(peer).netns(self.far);
        let role = match self.traffic {
            Traffic::Tcp { up, down, write, .. } => {
                let exchange = exchange(up, down, write, false).mirrored();
                Role::TcpListen { at, exchange, connections: 1 }
            }
            Traffic::Connections { count, user_closes } => {
                let exchange = exchange(SHORT.0, SHORT.1, 4096, user_closes).mirrored();
                Role::TcpListen { at, exchange, connections: count }
            }
            Traffic::Send(_) => {
                let exchange = exchange(SENT as u64, 0, 1, false).mirrored();
                Role::TcpListen { at, exchange, connections: 1 }
            }
            Traffic::Udp { rounds, sends, segment, .. } => {
                let each = |len: &usize| segment.map_or(1, |cut| len.div_ceil(cut.into()));
                let datagrams: usize = sends.iter().map(each).sum();
                let datagrams = rounds * u32::try_from(datagrams).unwrap_or(u32::MAX);
                Role::UdpEcho { at, datagrams }
            }
            Traffic::Bursts { count, shape, .. } => Role::BurstAnswer { at, bursts: count, shape },
            Traffic::Chain { up, down } => {
                let (proxy, server) = (local(self.port), local(self.port + 1));
                let exchange = exchange(up, down, 1 << 18, false).mirrored();
                let serve = Role::TcpListen { at: server, exchange, connections: 1 };
                let server_process = listen(Place::of(peer).netns(self.near), serve);
                let pass = Role::TcpProxy { at: proxy, to: server };
                return vec![server_process, listen(Place::of(user).netns(self.near), pass)];
            }
            Traffic::Ping { .. } | Traffic::Frames { .. } => return Vec::new(),
        };
        vec![listen(far(), role)]
    }

    /// The user's own program.
    pub fn client(self, user: &TestUser) -> Order {
        let order = Order::new(Place::of(user).netns(self.near), self.role()).paced(PACE);
        match self.traffic {
            Traffic::Ping { .. } | Traffic::Frames { .. } => order.with_net_raw(),
            _ => order,
        }
    }

    /// What it does.
    pub fn role(self) -> Role {
        let to = self.far_address();
        let many = |exchange, connections| Role::TcpMany { to, exchange, connections };
        match self.traffic {
            Traffic::Tcp { up, down, write, .. } => many(exchange(up, down, write, false), 1),
            Traffic::Connections { count, user_closes } => {
                many(exchange(SHORT.0, SHORT.1, 4096, user_closes), count)
            }
            Traffic::Send(way) => Role::TcpSend { to, way, bytes: SENT },
            Traffic::Udp { rounds, sends, segment, .. } => {
                Role::UdpSend { to, rounds, sends: sends.to_vec(), segment }
            }
            Traffic::Bursts { count, shape, .. } => Role::BurstAsk { to, bursts: count, shape },
            Traffic::Ping { packets, payload } => Role::Ping { to: v4(to.ip()), packets, payload },
            Traffic::Frames { packets, payload } => {
                let from = SocketAddrV4::new(v4(Link::near_address(false)), self.port);
                let to = SocketAddrV4::new(v4(to.ip()), self.port);
                Role::FrameSend { device: DEVICE.to_owned(), from, to, packets, payload }
            }
            Traffic::Chain { up, down } => {
                let exchange = exchange(up, down, 1 << 18, false);
                Role::TcpMany { to: local(self.port), exchange, connections: 1 }
            }
        }
    }

    fn far_address(self) -> SocketAddr {
        let v6 = match self.traffic {
            Traffic::Tcp { v6, .. } | Traffic::Udp { v6, .. } | Traffic::Bursts { v6, .. } => v6,
            _ => false,
        };
        SocketAddr::new(Link::far_address(v6), self.port)
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => panic!("{address} is no IPv4 address"),
    }
}

/// The user's side.
fn exchange(up: u64, down: u64, write: usize, closes_first: bool) -> Exchange {
    Exchange { send: up, receive: Some(down), write, closes_first, progress: None }
}
