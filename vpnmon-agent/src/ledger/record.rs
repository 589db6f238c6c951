//! An account as it is written down: everything a restart needs.

use std::net::IpAddr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::recorded::Recorded,
    model::{AccountKey, Bytes, Service},
};

/// One account on disk. The snapshot holds all of it, the usage file the part the contract names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its service.
    pub service: Service,
    /// Its name.
    pub name: String,
    /// The uid its counter belongs to; `None` where it has none now.
    pub uid: Option<u32>,
    /// The life of the source that the marks belong to.
    pub epoch: String,
    /// Usage when this epoch began or at the last reset.
    pub baseline_usage: u64,
    /// The source's usage counter at that moment.
    pub mark: u64,
    /// How far that counter has moved since.
    pub last_stats: u64,
    /// Bytes since the last reset.
    pub bytes: Bytes,
    /// The source's raw counters that `bytes` was read at; `None` where only the usage file is
    /// left, which has no room for them.
    pub raw: Option<Bytes>,
    /// Usage on the day of `last_update`.
    pub daily_usage: u64,
    /// Bytes; 0 is unlimited.
    pub daily_limit: u64,
    /// Bytes; 0 is unlimited.
    pub total_limit: u64,
    /// Local date.
    pub last_reset: Date,
    /// Unix time of the last byte, in seconds; of the first sight before any.
    pub last_update: u64,
    /// By hand, until `enable`.
    #[serde(default)]
    pub is_disabled: bool,
    /// The threshold that was come to, until it moves: see [`Record::threshold`].
    #[serde(default)]
    pub exceeded_at: Option<u64>,
    /// Whether the admin was warned of it.
    #[serde(default)]
    pub is_warned: bool,
    /// Bytes of `baseline_usage` that came from the old panel; `None` before any import.
    #[serde(default)]
    pub imported: Option<u64>,
    /// Addresses of a tunnel's clients whose counters `raw` is the sum of.
    #[serde(default)]
    pub clients: Vec<IpAddr>,
    /// Digest of the rest of the user's line in passwd: tells a renamed user from a new one.
    #[serde(default)]
    pub passwd_digest: Option<u64>,
    /// The mark whose counter it has (`SO_MARK`); a user of Xray without one has Xray's.
    #[serde(default)]
    pub fwmark: Option<u32>,
    /// Whether Xray's config has had it: then it is gone when the config has it no more.
    #[serde(default)]
    pub is_configured: bool,
    /// What the history goes by.
    #[serde(default)]
    pub recorded: Recorded,
}

impl Record {
    /// Names the account.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        AccountKey::new(self.service, self.name.clone())
    }

    /// Whether its counter is Xray's: payload, with a life of its own.
    #[must_use]
    pub fn is_payload(&self) -> bool {
        self.service.is_xray() && self.fwmark.is_none()
    }

    /// Usage since the last reset.
    #[must_use]
    pub const fn total_usage(&self) -> u64 {
        self.baseline_usage.saturating_add(self.last_stats)
    }

    /// The total usage at which the first of its limits is used up. Counting does not move it.
    #[must_use]
    pub fn threshold(&self) -> Option<u64> {
        let left_today = self.daily_limit.saturating_sub(self.daily_usage);
        // A day that has gone beyond its limit keeps its threshold where it was.
        let over = self.daily_usage.saturating_sub(self.daily_limit);
        let daily = self.total_usage().saturating_add(left_today).saturating_sub(over);
        let daily = (self.daily_limit != 0).then_some(daily);
        let total = (self.total_limit != 0).then_some(self.total_limit);
        daily.into_iter().chain(total).min()
    }
}
