//! The programs behind a scenario's traffic.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use vpnmon_tests::{
    link::{DEVICE, Link},
    order::{Exchange, Order, Place, Role},
    process::Process,
    user::TestUser,
};

use crate::{packet::Packets, scenario::Traffic};

/// Most bytes a second of a TCP socket, so that nethogs, which looks now and then, sees it at all.
pub const PACE: u32 = 25_000_000;
/// Payload of a way other than `write`.
const SENT: usize = 20_000_000;
/// Payload of a short connection, up and down.
const SHORT: (u64, u64) = (400, 4000);
const UDP: u8 = 17;
const ICMP: u8 = 1;

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

impl Traffic {
    /// Bytes that programs hand over, both ways.
    pub fn payload(self) -> u64 {
        match self {
            Self::Tcp { up, down, .. } | Self::Chain { up, down } => up + down,
            Self::Connections { count, .. } => u64::from(count) * (SHORT.0 + SHORT.1),
            Self::Udp { rounds, sends, .. } => {
                2 * u64::from(rounds) * sends.iter().sum::<usize>() as u64
            }
            Self::Bursts { count, shape, .. } => 2 * shape.total(count) as u64,
            Self::Send(_) => SENT as u64,
            Self::Ping { packets, payload } => 2 * u64::from(packets) * payload as u64,
            Self::Frames { packets, payload } => u64::from(packets) * payload as u64,
        }
    }

    /// Datagrams that programs send, each way.
    pub fn datagrams(self) -> u64 {
        match self {
            Self::Udp { rounds, sends, .. } => u64::from(rounds) * sends.len() as u64,
            _ => 0,
        }
    }

    /// Which packets are the user's: what goes up, what comes down.
    pub fn packets(self, port: u16) -> (Vec<Packets>, Vec<Packets>) {
        let both = |packets| (vec![packets], vec![packets]);
        match self {
            Self::Ping { .. } => both(Packets::Protocol(ICMP)),
            // Fragments but the first have no ports.
            Self::Udp { sends, segment: None, .. } if sends.iter().any(|len| *len > 1472) => {
                both(Packets::Protocol(UDP))
            }
            Self::Chain { .. } => {
                let (leg, server) = (Packets::Port(port), port + 1);
                (vec![leg, Packets::To(server)], vec![leg, Packets::From(server)])
            }
            _ => both(Packets::Port(port)),
        }
    }
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
