//! `status --json` as the contract writes it. On purpose not the agent's own types: a field that
//! is renamed, missing or new fails here.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// The document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Status {
    pub schema: u64,
    pub agent: AgentFacts,
    pub accounts: Vec<Account>,
    pub interfaces: Vec<Interface>,
}

/// What the agent says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct AgentFacts {
    pub version: String,
    pub pid: u32,
    pub started: u64,
    pub kernel: String,
    pub drain_interval_ms: u64,
    pub usage: String,
    pub hooks: Hooks,
    pub degraded: Vec<String>,
    pub lost: Lost,
}

/// Where it is attached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Hooks {
    pub cgroup_skb: String,
    pub tc: Vec<String>,
}

/// What it knows it did not see; null where it cannot know.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Lost {
    #[serde(deserialize_with = "present")]
    pub host_events: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub host_flows_gave_up: Option<u64>,
    /// Server names that may hide another.
    #[serde(default)]
    pub host_outer_names: Option<u64>,
    /// Why flows were given up.
    #[serde(default)]
    pub host_flow_reasons: BTreeMap<String, u64>,
    #[serde(deserialize_with = "present")]
    pub unattributed_bytes: Option<u64>,
    /// Only there where something was lost.
    #[serde(default)]
    pub host_reasons: BTreeMap<String, u64>,
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Account {
    pub service: String,
    pub name: String,
    #[serde(deserialize_with = "present")]
    pub uid: Option<u32>,
    pub unit: String,
    pub uplink: u64,
    pub downlink: u64,
    pub daily_usage: u64,
    pub total_usage: u64,
    pub daily_limit: u64,
    pub total_limit: u64,
    #[serde(deserialize_with = "present")]
    pub remaining: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub uplink_bps: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub downlink_bps: Option<u64>,
    pub state: String,
    pub last_reset: String,
    pub last_update: u64,
    pub sessions: Vec<Session>,
}

/// One SSH session.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Session {
    pub server: String,
    #[serde(deserialize_with = "present")]
    pub client: Option<std::net::IpAddr>,
    #[serde(deserialize_with = "present")]
    pub client_port: Option<u16>,
    pub since: u64,
}

/// One metered interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Interface {
    pub name: String,
    pub egress: u64,
    pub ingress: u64,
}

/// Null or a value, but there: serde alone takes a missing field for null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// Bytes of one row, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Sent.
    pub up: u64,
    /// Received.
    pub down: u64,
}

impl std::ops::Sub for Bytes {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        Self { up: self.up - before.up, down: self.down - before.down }
    }
}

impl std::ops::Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { up: self.up + other.up, down: self.down + other.down }
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| a + b)
    }
}

impl Status {
    /// Reads the document; panics where it is not the contract's.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let status: Self =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("status --json: {e} in {text}"));
        assert_eq!(status.schema, 1, "schema of status --json");
        status
    }

    /// The row of `name` in `service`; zero where there is none.
    #[must_use]
    pub fn bytes(&self, service: &str, name: &str) -> Bytes {
        let rows = self.accounts.iter().filter(|row| row.service == service && row.name == name);
        rows.map(|row| Bytes { up: row.uplink, down: row.downlink }).next().unwrap_or_default()
    }

    /// The row of `name` in `service`.
    #[must_use]
    pub fn account(&self, service: &str, name: &str) -> &Account {
        let found = self.accounts.iter().find(|row| row.service == service && row.name == name);
        found.unwrap_or_else(|| panic!("no {service}:{name} in {self:?}"))
    }

    /// All rows together.
    #[must_use]
    pub fn sum(&self) -> Bytes {
        let up = self.accounts.iter().map(|row| row.uplink).sum();
        Bytes { up, down: self.accounts.iter().map(|row| row.downlink).sum() }
    }
}
