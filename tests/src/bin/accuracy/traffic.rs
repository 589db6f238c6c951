//! Kinds of traffic, and what is known of each beforehand.

use vpnmon_tests::order::{Burst, Way};

use crate::packet::Packets;

/// Payload of a way other than `write`.
pub const SENT: usize = 20_000_000;
/// Payload of a short connection, up and down.
pub const SHORT: (u64, u64) = (400, 4000);
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// What a user does.
#[derive(Clone, Copy, Debug)]
pub enum Traffic {
    /// One connection, both ways at once; the far end closes first.
    Tcp { v6: bool, up: u64, down: u64, write: usize },
    /// Short connections, one after the other.
    Connections { count: u32, user_closes: bool },
    /// Datagrams and their echoes.
    Udp { v6: bool, rounds: u32, sends: &'static [usize], segment: Option<u16> },
    /// Bursts of datagrams and the like back.
    Bursts { v6: bool, count: u32, shape: Burst },
    /// One connection up, by another system call than `write`.
    Send(Way),
    /// Echo requests over a raw socket.
    Ping { packets: u16, payload: usize },
    /// UDP over a packet socket.
    Frames { packets: u32, payload: usize },
    /// The user's client, the user's proxy, somebody's server, all on 127.0.0.1.
    Chain { up: u64, down: u64 },
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
