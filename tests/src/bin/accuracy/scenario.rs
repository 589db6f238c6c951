//! What is tried: one line a scenario.

use vpnmon_tests::order::{Burst, Way};

use crate::{
    shape::{Middle, Shape},
    traffic::Traffic,
};

/// One row, or one a user where there are several.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// In the table, and what `--only` is compared with.
    pub name: &'static str,
    /// One user for each, all at once.
    pub traffic: &'static [Traffic],
    /// The wire.
    pub shape: Shape,
    /// Where the user is.
    pub place: Place,
    /// What the row must show.
    pub due: Due,
    /// What a reader must know.
    pub note: &'static str,
}

/// Where the user's processes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where everybody is.
    Host,
    /// A user and a network namespace of the user's own making, root there.
    Container,
    /// The same, under the uid of somebody else there.
    Disguise,
}

/// What vpnmon must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Every byte.
    All,
    /// All but what belongs to no socket any more.
    OfSockets,
    /// One IP header a datagram, however many fragments it is sent in.
    Unfragmented,
    /// Nothing: it passes no hook of a socket.
    Nothing,
}

const PLAIN: Shape =
    Shape { mtu: 1500, offloads: false, middle: Middle::Bridge, v4_only: false, quick_far: false };
const V4_ONLY: Shape = Shape { v4_only: true, ..PLAIN };
const QUICK_FAR: Shape = Shape { quick_far: true, ..PLAIN };
const OFFLOADED: Shape = Shape { offloads: true, ..PLAIN };
const JUMBO: Shape = Shape { mtu: 9000, ..PLAIN };
const LOSSY: Shape = Shape { middle: Middle::Lossy, ..PLAIN };
const LOCAL: Shape = Shape { middle: Middle::Loopback, ..PLAIN };

const V4: bool = false;
const V6: bool = true;
const LARGE: usize = 256 * 1024;
const QUIC: Burst = Burst { messages: 4, segments: Some(10) };
const ONE_BY_ONE: Burst = Burst { messages: 40, segments: None };

/// Payload in million bytes.
const fn tcp(v6: bool, up: u64, down: u64) -> Traffic {
    Traffic::Tcp { v6, up: up * 1_000_000, down: down * 1_000_000, write: LARGE }
}

const fn udp(v6: bool, rounds: u32, sends: &'static [usize]) -> Traffic {
    Traffic::Udp { v6, rounds, sends, segment: None }
}

const fn bursts(v6: bool, count: u32, shape: Burst) -> Traffic {
    Traffic::Bursts { v6, count, shape }
}

const fn row(name: &'static str, traffic: &'static [Traffic]) -> Scenario {
    Scenario { name, traffic, shape: PLAIN, place: Place::Host, due: Due::All, note: "" }
}

impl Scenario {
    const fn over(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    const fn within(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn due(self, due: Due) -> Self {
        Self { due, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

const SMALL: Traffic = Traffic::Tcp { v6: V4, up: 300_000, down: 150_000, write: 117 };
const CUT: Traffic =
    Traffic::Udp { v6: V4, rounds: 200, sends: &[20 * 1472, 7 * 1472 + 1, 3], segment: Some(1472) };

/// In the order of the table.
pub const SCENARIOS: [Scenario; 26] = [
    row("tcp v4", &[tcp(V4, 20, 10)]),
    row("tcp v6", &[tcp(V6, 10, 20)]),
    row("tcp small writes", &[SMALL]),
    row("udp v4", &[udp(V4, 400, &[1, 1400, 17, 1472])]),
    row("udp v6", &[udp(V6, 400, &[0, 1400, 17, 1452])]),
    row("quic v4", &[bursts(V4, 300, QUIC)]).note(
        "quic: 1200, 1252 and 1350 B datagrams both ways, sendmmsg of 4 messages, UDP GSO of 10",
    ),
    row("quic v6", &[bursts(V6, 300, QUIC)]),
    row("offloads on, tcp", &[tcp(V4, 20, 20)]).over(OFFLOADED).note(
        "offloads on: TSO, GSO, GRO at the user's end; the truth is behind segmentation, before GRO",
    ),
    row("offloads on, quic", &[bursts(V4, 300, QUIC)]).over(OFFLOADED),
    row("mtu 9000, tcp", &[tcp(V6, 20, 20)]).over(JUMBO),
    row("loss, reordering", &[tcp(V4, 5, 5)]).over(LOSSY).due(Due::OfSockets).note(
        "loss, reordering: a hop loses 1 frame in 97 and delays 1 in 41, each way; the uplink is \
         counted before it, the downlink behind it",
    ),
    row("500 short, peer ends", &[Traffic::Connections { count: 500, user_closes: false }]),
    row("500 short, user ends", &[Traffic::Connections { count: 500, user_closes: true }])
        .over(QUICK_FAR)
        .due(Due::OfSockets)
        .note(
            "500 short, user ends: who closes first keeps no socket but a TIME_WAIT entry, whose \
             packets no socket hook sees; the error is exactly those",
        ),
    row("two users", &[tcp(V4, 10, 5), tcp(V6, 5, 10)]),
    row("loopback chain", &[Traffic::Chain { up: 5_000_000, down: 10_000_000 }])
        .over(LOCAL)
        .note(
            "loopback chain: client and proxy are the user's, the server is not: the first leg \
             counts at both its ends (sent and received), the second once, as the contract says",
        ),
    row("sendfile", &[Traffic::Send(Way::SendFile)]),
    row("splice", &[Traffic::Send(Way::Splice)]),
    row("io_uring", &[Traffic::Send(Way::IoUring)]),
    row("MSG_ZEROCOPY", &[Traffic::Send(Way::ZeroCopy)]),
    row("sendmmsg", &[bursts(V4, 300, ONE_BY_ONE)]),
    row("UDP_SEGMENT", &[CUT]),
    row("raw socket (ping)", &[Traffic::Ping { packets: 2000, payload: 1000 }]),
    row("container", &[tcp(V4, 10, 5)]).over(V4_ONLY).within(Place::Container).note(
        "container: user and network namespace of the user's own, root inside; nft compares uids \
         as they are inside, iptables takes no owner rule there",
    ),
    row("disguise", &[tcp(V4, 10, 5)]).over(V4_ONLY).within(Place::Disguise).note(
        "disguise: the same, under the uid of another account inside; `disguise, other` is the \
         account whose uid that is, and must get nothing",
    ),
    row("udp fragments", &[udp(V4, 100, &[4000, 9000])]).due(Due::Unfragmented).note(
        "udp fragments: the contract counts a datagram as the one packet it is at the socket; the \
         error is exactly the headers of the further fragments",
    ),
    row("packet socket", &[Traffic::Frames { packets: 5000, payload: 1000 }])
        .due(Due::Nothing)
        .note(
            "packet socket: frames made by hand (needs CAP_NET_RAW) leave below IP, where no \
             socket hook is; the error is exactly all of them",
        ),
];
