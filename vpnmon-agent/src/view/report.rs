//! The document of `report --json`.

use serde::{Deserialize, Serialize};

use crate::model::{Service, report::By};

/// Usage by period, by account and by hour of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`super::SCHEMA`].
    pub schema: u32,
    /// `service:name`, where it is one account's.
    pub account: Option<String>,
    /// The service asked for.
    pub service: Option<Service>,
    /// First day, local, `YYYY-MM-DD`.
    pub since: String,
    /// Last day.
    pub until: String,
    /// The first day that anything is known of; `None` where nothing is.
    pub first_day: Option<String>,
    /// The length of a period.
    pub by: By,
    /// Bytes of all accounts in it, both ways.
    pub uplink: u64,
    /// Back from the destinations.
    pub downlink: u64,
    /// From the first day that is known to the last, in order; those without a byte too.
    pub periods: Vec<Period>,
    /// The 24 hours of the day, all days together.
    pub hours: Vec<Hour>,
    /// Accounts that have moved anything, those with the most bytes first.
    pub accounts: Vec<AccountSum>,
    /// Where the bytes went, since each host was first seen: those with the most first.
    pub hosts: Vec<HostSum>,
    /// Each account's periods, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<Detail>,
}

/// One hour, day or month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// `2026-11-24T13`, `2026-11-24` or `2026-11`, local.
    pub start: String,
    /// Bytes towards the destinations.
    pub uplink: u64,
    /// Bytes back.
    pub downlink: u64,
}

/// One hour of the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the document's words")]
pub struct Hour {
    /// 0 to 23, local.
    pub hour: u8,
    /// Bytes towards the destinations.
    pub uplink: u64,
    /// Bytes back.
    pub downlink: u64,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSum {
    /// Its service.
    pub service: Service,
    /// Its name.
    pub name: String,
    /// `ip` (IP bytes) or `payload` (bytes inside the tunnel).
    pub unit: String,
    /// Bytes towards the destinations.
    pub uplink: u64,
    /// Bytes back.
    pub downlink: u64,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSum {
    /// Its name.
    pub host: String,
    /// RFC 3339: its bytes are those since.
    pub first_seen: Option<String>,
    /// Bytes towards it.
    pub uplink: u64,
    /// Bytes back.
    pub downlink: u64,
}

/// What one account moved in one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Index into `periods`.
    pub period: usize,
    /// Index into `accounts`.
    pub account: usize,
    /// Bytes towards the destinations.
    pub uplink: u64,
    /// Bytes back.
    pub downlink: u64,
}
