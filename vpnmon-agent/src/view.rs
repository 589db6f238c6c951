//! What the outside sees: the one place that knows the output formats.
//!
//! The types are those of `status --json` (schema 1). The control socket carries the same document,
//! so the table and the JSON can never disagree. Unknown numbers are `None`, never 0.

pub mod hosts;
pub mod metrics;
pub mod report;
pub mod screen;

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::model::Service;

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// The document of `status --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The agent about itself.
    pub agent: Agent,
    /// One row an account.
    pub accounts: Vec<Account>,
    /// One row a metered interface.
    pub interfaces: Vec<Interface>,
    /// Where the account has been, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<hosts::Host>>,
}

/// The agent about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Of the package.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Unix time of the start, in seconds.
    pub started: u64,
    /// Release of the running kernel.
    pub kernel: String,
    /// `meter.drain_interval`, in milliseconds.
    pub drain_interval_ms: u64,
    /// `meter.usage`.
    pub usage: String,
    /// Where the programs are attached.
    pub hooks: Hooks,
    /// What works less well than it could, each with its reason.
    pub degraded: Vec<String>,
    /// What was not seen.
    pub lost: Lost,
}

/// Where the programs are attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hooks {
    /// The cgroup of the counting programs.
    pub cgroup_skb: String,
    /// Interfaces with tc programs.
    pub tc: Vec<String>,
}

/// What was not seen; `None` where nobody looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Host events that found their ring full.
    pub host_events: Option<u64>,
    /// Flows whose name was not found within the bounds.
    pub host_flows_gave_up: Option<u64>,
    /// Server names of hellos that may hold another one, encrypted (ECH).
    #[serde(default)]
    pub host_outer_names: Option<u64>,
    /// IP bytes on the metered interfaces that no row got.
    pub unattributed_bytes: Option<u64>,
    /// Why flows were given up; together as many as `host_flows_gave_up`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub host_flow_reasons: BTreeMap<String, u64>,
    /// Why the agent did not take hosts or did not show them, where it happened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub host_reasons: BTreeMap<String, u64>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its service.
    pub service: Service,
    /// Its name.
    pub name: String,
    /// Its uid, where it has one.
    pub uid: Option<u32>,
    /// `ip` (IP bytes) or `payload` (bytes inside the tunnel).
    pub unit: String,
    /// Bytes since the last reset.
    pub uplink: u64,
    /// Bytes since the last reset.
    pub downlink: u64,
    /// Bytes of usage today, local time.
    pub daily_usage: u64,
    /// Bytes of usage since the last reset.
    pub total_usage: u64,
    /// Bytes; 0 is unlimited.
    pub daily_limit: u64,
    /// Bytes; 0 is unlimited.
    pub total_limit: u64,
    /// Bytes left by the tighter limit; `None` without one.
    pub remaining: Option<u64>,
    /// Bits per second over the last second; `None` before the first is over.
    pub uplink_bps: Option<u64>,
    /// Bits per second over the last second.
    pub downlink_bps: Option<u64>,
    /// What the limits say.
    pub state: State,
    /// Local date, `YYYY-MM-DD`.
    pub last_reset: String,
    /// Unix time of the last byte, in seconds; of the account's first sight before any.
    pub last_update: u64,
    /// Who is online with it.
    pub sessions: Vec<Session>,
}

/// One SSH session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `openssh` or `dropbear`.
    pub server: String,
    /// Where the client is; `None` where nothing tells.
    pub client: Option<IpAddr>,
    /// Its port.
    pub client_port: Option<u16>,
    /// Unix time of the login, in seconds.
    pub since: u64,
}

/// What the limits say of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Below the warning, or without a limit.
    Ok,
    /// From `enforce.warn_percent` of a limit on.
    Warning,
    /// A limit is used up.
    Exceeded,
    /// By hand.
    Disabled,
}

/// The document of `limit list --json`.
#[derive(Debug, Serialize)]
pub struct Limits<'a> {
    /// [`SCHEMA`].
    schema: u32,
    limits: Vec<Limit<'a>>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract's words")]
struct Limit<'a> {
    service: Service,
    name: &'a str,
    daily_limit: u64,
    total_limit: u64,
}

impl<'a> Limits<'a> {
    /// The limits of these accounts.
    pub fn of(accounts: &'a [Account]) -> Self {
        let limit = |account: &'a Account| Limit {
            service: account.service,
            name: &account.name,
            daily_limit: account.daily_limit,
            total_limit: account.total_limit,
        };
        Self { schema: SCHEMA, limits: accounts.iter().map(limit).collect() }
    }
}

/// One metered interface, in IP bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Sent.
    pub egress: u64,
    /// Received.
    pub ingress: u64,
}
