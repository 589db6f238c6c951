//! What the agent knows of itself and its accounts, as numbers for monitoring.

use std::time::Duration;

use super::{Account, Agent, Interface, State};
use crate::model::{Bytes, Service};

/// Upper bounds of the drains' durations that are counted together; what is longer is the rest.
pub const DRAIN_BOUNDS: [Duration; 10] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
];

/// All of it, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// What the engine knows.
    pub engine: EngineMetrics,
    /// How the drains went.
    pub drains: Drains,
    /// Xray's source; `None` where there is none.
    pub xray: Option<Xray>,
    /// Ways that notices go.
    pub outlets: Vec<Outlet>,
}

/// What the engine knows. Sums only grow while the agent runs.
#[derive(Clone, Debug, Default)]
pub struct EngineMetrics {
    /// The agent about itself.
    pub agent: Agent,
    /// How many accounts each service has in each state.
    pub accounts: Vec<(Service, State, u64)>,
    /// Bytes booked since the start, by service; resets and deletions take nothing away.
    pub moved: Vec<(Service, Bytes)>,
    /// Sessions that are online, by server.
    pub sessions: Vec<(&'static str, u64)>,
    /// The metered interfaces.
    pub interfaces: Vec<Interface>,
    /// Hosts that are known.
    pub hosts: u64,
    /// Events since the start, by their words.
    pub events: Vec<(&'static str, u64)>,
    /// Batches handed to the disk since the start.
    pub writes: u64,
    /// Those of them that were not written whole.
    pub write_errors: u64,
    /// Whether Xray answers; `None` where none was found.
    pub xray_up: Option<bool>,
    /// Accounts with series of their own, if that is wanted.
    pub series: Option<Series>,
}

/// The accounts that have moved most.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The largest first.
    pub accounts: Vec<Account>,
    /// How many have none, because there are too many.
    pub left_out: u64,
}

/// How the drains went since the start.
#[derive(Clone, Debug, Default)]
pub struct Drains {
    /// `meter.drain_interval`.
    pub interval: Duration,
    /// How many took up to each of [`DRAIN_BOUNDS`] and longer than the one before.
    pub counts: [u64; DRAIN_BOUNDS.len()],
    /// All of them.
    pub count: u64,
    /// What they took together.
    pub total: Duration,
}

/// How asking Xray went since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Xray {
    /// Answers of its API.
    pub polls: u64,
    /// Questions without one, and failed connections.
    pub errors: u64,
}

/// What has become of the notices of one way out since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// `command` or `webhook`.
    pub way: &'static str,
    /// Taken by the other side.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
    /// Made room for newer ones.
    pub dropped: u64,
    /// Waiting now.
    pub queued: usize,
}
