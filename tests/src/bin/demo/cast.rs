//! Who is in the demo, what they do, and whom they visit.

use std::net::Ipv4Addr;

/// How somebody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    OpenSsh,
    Dropbear,
    Vmess,
    Vless,
    Trojan,
    Shadowsocks,
}

/// A server that is visited, of the web or of TLS.
#[derive(Debug)]
pub struct Host {
    pub name: &'static str,
    last_byte: u8,
    pub is_tls: bool,
}

/// How traffic comes and goes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// All the time.
    Steady,
    /// Up and down in so many seconds.
    Wave(f64),
    /// So many seconds, then as many of next to nothing.
    Bursts(f64),
}

/// Somebody.
#[derive(Debug)]
pub struct Person {
    /// Account name or email.
    pub name: &'static str,
    pub via: Via,
    /// As `limit set` takes it.
    pub limit: Option<&'static str>,
    /// Payload bytes a second up and down, at most.
    pub rates: (u32, u32),
    pub shape: Shape,
    /// Payload bytes after which next to nothing is asked for.
    pub most: u64,
    /// Indexes of [`HOSTS`].
    visits: std::ops::Range<usize>,
}

const KB: u32 = 1000;
const NO_END: u64 = u64::MAX;

pub const HOSTS: [Host; 16] = [
    host("www.example.org", 10, true),
    host("news.example.com", 11, true),
    host("img.news.example.com", 12, true),
    host("plain.example.org", 13, false),
    host("video.example.net", 14, true),
    host("cdn-03.video.example.net", 15, true),
    host("mail.example.org", 16, true),
    host("chat.example.com", 17, true),
    host("backup.example.net", 18, true),
    host("mirror.example.org", 19, false),
    host("git.example.org", 20, true),
    host("crates.example.org", 21, true),
    host("music.example.com", 22, true),
    host("maps.example.net", 23, true),
    host("meet.example.com", 24, true),
    host("game.example.net", 25, true),
];

/// One meets the limit after some fifteen seconds, and one is warned before.
pub const CAST: [Person; 8] = [
    person("alice", Via::OpenSsh, Some("200MB"), (40, 900), Shape::Wave(14.0), 0..4),
    person("bob", Via::Dropbear, Some("300MB"), (30, 1500), Shape::Bursts(5.0), 4..6),
    Person {
        most: 7_000_000,
        ..person("carol", Via::OpenSsh, Some("8MB"), (600, 300), Shape::Steady, 6..8)
    },
    person("dave", Via::Dropbear, Some("30MB"), (2200, 60), Shape::Steady, 8..9),
    person("erin", Via::Vmess, Some("150MB"), (60, 700), Shape::Wave(9.0), 9..12),
    person("frank", Via::Vless, None, (15, 320), Shape::Steady, 12..14),
    person("grace", Via::Trojan, Some("100MB"), (250, 260), Shape::Wave(21.0), 14..15),
    person("heidi", Via::Shadowsocks, None, (20, 90), Shape::Bursts(2.0), 15..16),
];

const fn host(name: &'static str, last_byte: u8, is_tls: bool) -> Host {
    Host { name, last_byte, is_tls }
}

const fn person(
    name: &'static str,
    via: Via,
    limit: Option<&'static str>,
    (up, down): (u32, u32),
    shape: Shape,
    visits: std::ops::Range<usize>,
) -> Person {
    Person { name, via, limit, rates: (up * KB, down * KB), shape, most: NO_END, visits }
}

impl Via {
    pub const fn is_ssh(self) -> bool {
        matches!(self, Self::OpenSsh | Self::Dropbear)
    }

    /// As configs of Xray have it; the service of the account.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenSsh | Self::Dropbear => "ssh",
            Self::Vmess => "vmess",
            Self::Vless => "vless",
            Self::Trojan => "trojan",
            Self::Shadowsocks => "shadowsocks",
        }
    }
}

impl Host {
    /// Where it is: TEST-NET-3.
    pub const fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(203, 0, 113, self.last_byte)
    }
}

impl Person {
    pub fn hosts(&self) -> &'static [Host] {
        &HOSTS[self.visits.clone()]
    }
}

/// Where the one of the cast with this number comes from: TEST-NET-2.
pub fn client_address(number: usize) -> Ipv4Addr {
    const FIRST: u8 = 21;
    Ipv4Addr::new(198, 51, 100, FIRST + 7 * u8::try_from(number).unwrap_or_default())
}

/// The port on the client's loopback whose connections go through its tunnel.
pub fn socks_port(number: usize) -> u16 {
    const FIRST: u16 = 2000;
    FIRST + u16::try_from(number).unwrap_or_default()
}

impl Shape {
    /// The part of the most that is due after so many seconds.
    pub fn part(self, seconds: f64) -> f64 {
        match self {
            Self::Steady => 0.9 + 0.1 * (seconds * 1.7).sin(),
            Self::Wave(period) => 0.55 + 0.45 * (seconds / period * std::f64::consts::TAU).sin(),
            Self::Bursts(on) => {
                let is_on = seconds % (2.0 * on) < on;
                if is_on { 1.0 } else { 0.03 }
            }
        }
    }
}
