//! The words everything else is made of: services, account keys, byte counts.

pub mod incident;
pub mod look;
pub mod order;
pub mod report;
pub mod sighting;

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// A Linux user whose traffic is metered by uid: OpenSSH and dropbear accounts.
    Ssh,
    /// An Xray user.
    Vmess,
    /// An Xray user.
    Vless,
    /// An Xray user.
    Trojan,
    /// An Xray user.
    Shadowsocks,
    /// An Xray user in inbounds of several protocols.
    Xray,
    /// A tunnel client without a local socket, by its tunnel address.
    Forward,
    /// Every other uid, and the rows of packets that belong to nobody.
    System,
}

impl Service {
    /// All services, in the order they are listed.
    pub const ALL: [Self; 8] = [
        Self::Ssh,
        Self::Vmess,
        Self::Vless,
        Self::Trojan,
        Self::Shadowsocks,
        Self::Xray,
        Self::Forward,
        Self::System,
    ];

    /// Those that Xray meters.
    pub const OF_XRAY: [Self; 5] =
        [Self::Vmess, Self::Vless, Self::Trojan, Self::Shadowsocks, Self::Xray];

    /// Whether Xray meters it: its bytes are payload, and its counters have a life of their own.
    #[must_use]
    pub fn is_xray(self) -> bool {
        Self::OF_XRAY.contains(&self)
    }

    /// The word for it in commands and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Vmess => "vmess",
            Self::Vless => "vless",
            Self::Trojan => "trojan",
            Self::Shadowsocks => "shadowsocks",
            Self::Xray => "xray",
            Self::Forward => "forward",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|service| service.word() == word).ok_or(())
    }
}

/// Names one account: a name can exist in two services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Its service.
    pub service: Service,
    /// Its name there; whatever the admin or the attacker chose.
    pub name: String,
}

impl AccountKey {
    /// The account `name` of `service`.
    #[must_use]
    pub fn new(service: Service, name: impl Into<String>) -> Self {
        Self { service, name: name.into() }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// Bytes of one account or source, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// Towards the destination.
    pub uplink: u64,
    /// Back from it.
    pub downlink: u64,
}

/// Which bytes limits are compared with (`meter.usage`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Usage {
    /// What the user sends.
    #[default]
    Uplink,
    /// What the user receives.
    Downlink,
    /// The sum.
    Both,
}

impl Usage {
    /// The word for it in config and status.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Uplink => "uplink",
            Self::Downlink => "downlink",
            Self::Both => "both",
        }
    }

    /// The bytes that count towards usage.
    #[must_use]
    pub const fn of(self, bytes: Bytes) -> u64 {
        match self {
            Self::Uplink => bytes.uplink,
            Self::Downlink => bytes.downlink,
            Self::Both => bytes.uplink.saturating_add(bytes.downlink),
        }
    }
}

/// An account of the old panel; `None` is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Its kind.
    pub service: Option<Service>,
    /// Its name.
    pub name: String,
    /// Bytes; 0 is unlimited.
    pub total_limit: Option<u64>,
    /// Bytes; 0 is unlimited.
    pub daily_limit: Option<u64>,
    /// Bytes up to now.
    pub used: Option<u64>,
    /// Bytes of that day.
    pub daily_used: Option<(Date, u64)>,
    /// Whether the panel had disabled it.
    pub is_disabled: bool,
}
