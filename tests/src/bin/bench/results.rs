//! What a run has shown, as it stands in `results.json`.

use serde::Serialize;
use vpnmon_tests::agent::Drains;

use crate::{
    agents::AgentCosts,
    aims::Aim,
    drains::Lives,
    figures::{Figure, quantile},
    ground::Ground,
    host::Host,
    rounds::{Name, Series},
    tcp::Tcp,
};

/// The document.
#[derive(Serialize)]
pub struct Results {
    /// Version of the format.
    pub schema: u32,
    /// What makes the same again.
    pub command: String,
    /// UTC.
    pub date: String,
    /// Where.
    pub host: Host,
    /// What was to be reached.
    pub aims: Vec<Aim>,
    /// Nanoseconds a datagram; ratio to the bare path with as many sockets in use.
    pub path: Vec<Row>,
    /// Nanoseconds a run; ratio to the program with one account.
    pub programs: Vec<Row>,
    /// Nanoseconds a run above the empty program.
    pub above_empty: Vec<Row>,
    /// Gigabits a second; ratio to bare.
    pub throughput: Vec<Row>,
    /// Connections a second; ratio to bare.
    pub connections: Vec<Row>,
    /// Connections with a hello a second; ratio to those whose names are not captured.
    pub visits: Vec<Row>,
    /// One an agent.
    pub agents: Vec<AgentRow>,
}

/// One configuration.
#[derive(Serialize)]
pub struct Row {
    /// For programs.
    pub key: String,
    /// For people.
    pub label: String,
    /// In the unit of the list.
    pub value: Figure,
    /// To what the list says, by round.
    pub ratio: Figure,
}

/// One agent.
#[derive(Serialize)]
pub struct AgentRow {
    pub key: String,
    pub label: String,
    pub accounts: u32,
    pub idle_cpu_percent: Figure,
    pub load_cpu_percent: Figure,
    pub idle_resident_mib: f64,
    pub load_resident_mib: f64,
    pub idle_drains: DrainRow,
    pub load_drains: DrainRow,
    pub idle_freshness_ms: Fresh,
    pub load_freshness_ms: Fresh,
}

/// The agent's own line.
#[derive(Clone, Copy, Serialize)]
pub struct DrainRow {
    pub count: u64,
    pub mean_us: f64,
    pub longest_us: f64,
}

/// Of all samples.
#[derive(Clone, Copy, Serialize)]
pub struct Fresh {
    pub samples: usize,
    pub p50: f64,
    pub p99: f64,
}

/// The series of a key.
pub fn find<'a>(series: &'a [Series], key: &str) -> &'a Series {
    let found = series.iter().find(|series| series.name.key == key);
    found.unwrap_or_else(|| panic!("nothing was measured of `{key}`"))
}

/// A row a series, its ratio to the series whose key `base` names.
pub fn rows(series: &[Series], base: impl Fn(&Name) -> String) -> Vec<Row> {
    let row = |one: &Series| {
        let base = find(series, &base(&one.name));
        Row {
            key: one.name.key.clone(),
            label: one.name.label.clone(),
            value: Figure::of(&one.rounds),
            ratio: Figure::paired(&one.rounds, &base.rounds, |a, b| a / b),
        }
    };
    series.iter().map(row).collect()
}

/// The bare path that a path is compared with: any of as many sockets, or one.
pub fn bare(name: &Name) -> String {
    let metered = name.key.strip_suffix("-any").and_then(|rest| rest.rsplit('-').next());
    let unmetered = name.key.split_once("-any-").map(|(_, sockets)| sockets);
    metered.or(unmetered).map_or("bare".to_owned(), |sockets| format!("bare-any-{sockets}"))
}

/// Each program's series less that of the empty one in the same direction.
pub fn above_empty(programs: &[Series]) -> Vec<Series> {
    let metered = programs.iter().filter(|series| !series.name.key.starts_with("empty"));
    let less = |series: &Series| {
        let is_ingress = series.name.key.ends_with("-ingress");
        let empty = find(programs, if is_ingress { "empty-ingress" } else { "empty" });
        let pairs = series.rounds.iter().zip(&empty.rounds);
        Series { name: series.name.clone(), rounds: pairs.map(|(a, b)| a - b).collect() }
    };
    metered.map(less).collect()
}

/// Throughput, connections, and connections with a hello.
pub fn tcp_rows(tcp: &Tcp) -> [Vec<Row>; 3] {
    let bare = |_: &Name| "bare".to_owned();
    let uncaptured = |_: &Name| "hosts-off".to_owned();
    [rows(&tcp.throughput, bare), rows(&tcp.connections, bare), rows(&tcp.visits, uncaptured)]
}

/// One row an agent.
pub fn agent_rows(ground: &Ground, costs: &AgentCosts, lives: &[Lives]) -> Vec<AgentRow> {
    let row = |index: usize| AgentRow {
        key: ground.metered[index].name.key.clone(),
        label: ground.metered[index].name.label.clone(),
        accounts: ground.metered[index].accounts,
        idle_cpu_percent: Figure::of(&costs.idle_cpu[index].rounds),
        load_cpu_percent: Figure::of(&costs.load_cpu[index].rounds),
        idle_resident_mib: costs.idle_resident[index],
        load_resident_mib: costs.load_resident[index],
        idle_drains: lives[index].idle.into(),
        load_drains: lives[index].load.into(),
        idle_freshness_ms: Fresh::of(&costs.idle_freshness[index]),
        load_freshness_ms: Fresh::of(&costs.load_freshness[index]),
    };
    (0..ground.metered.len()).map(row).collect()
}

impl From<Drains> for DrainRow {
    fn from(drains: Drains) -> Self {
        let Drains { count, mean_us, longest_us } = drains;
        Self { count, mean_us, longest_us }
    }
}

impl Fresh {
    fn of(samples: &[f64]) -> Self {
        let quantile = |part| quantile(samples, part);
        Self { samples: samples.len(), p50: quantile(0.5), p99: quantile(0.99) }
    }
}
