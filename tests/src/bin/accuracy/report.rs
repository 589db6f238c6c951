//! Rows as they are judged and written down.

use serde::Serialize;
use vpnmon_tests::{nft::Count, status::Bytes};

use crate::{
    peers::Views,
    scenario::{Due, Scenario},
    traffic::Traffic,
};

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Of the scenario, and whose row it is.
    pub name: String,
    /// Bytes handed over by programs, both ways.
    pub payload: u64,
    /// IP bytes on the wire.
    pub truth: Bytes,
    /// What the account is due by the contract.
    pub due: Bytes,
    /// Whether that is all of the truth.
    pub attributable: bool,
    /// What the account got; nothing where the scenario failed.
    pub vpnmon: Option<Bytes>,
    /// What others saw.
    pub peers: Views,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Why the truth is not to be relied on.
    pub doubts: Vec<String>,
}

/// Signed bytes, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    pub up: i64,
    pub down: i64,
}

impl Row {
    /// Not measured yet by vpnmon.
    pub fn new(scenario: &Scenario, traffic: Traffic, counts: [Count; 2], due: Bytes) -> Self {
        let [up, down] = counts.map(|count| count.bytes);
        Self {
            payload: traffic.payload(),
            truth: Bytes { up, down },
            due,
            attributable: scenario.due == Due::All,
            ..Self::failed(scenario)
        }
    }

    /// The account that a disguised user claims to be, which has sent nothing.
    pub fn of_other(scenario: &Scenario) -> Self {
        let name = format!("{}, other", scenario.name);
        Self { name, attributable: true, notes: Vec::new(), ..Self::failed(scenario) }
    }

    /// Of a scenario that came to no end.
    pub fn failed(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.to_owned(),
            payload: 0,
            truth: Bytes::default(),
            due: Bytes::default(),
            attributable: scenario.due == Due::All,
            vpnmon: None,
            peers: Views::default(),
            notes: [scenario.note]
                .iter()
                .filter(|n| !n.is_empty())
                .map(ToString::to_string)
                .collect(),
            doubts: Vec::new(),
        }
    }

    /// vpnmon less the truth.
    pub fn error(&self) -> Option<Signed> {
        self.vpnmon.map(|vpnmon| difference(vpnmon, self.truth))
    }

    /// Whether the truth is sure and vpnmon shows exactly what is due.
    pub fn holds(&self) -> bool {
        self.doubts.is_empty() && self.vpnmon == Some(self.due)
    }
}

/// `seen` less `truth`.
pub fn difference(seen: Bytes, truth: Bytes) -> Signed {
    Signed { up: less(seen.up, truth.up), down: less(seen.down, truth.down) }
}

/// `seen` less `truth`.
pub fn less(seen: u64, truth: u64) -> i64 {
    seen.cast_signed().wrapping_sub(truth.cast_signed())
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    kernel: &'a str,
    ok: bool,
    rows: Vec<Written<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    scenario: &'a str,
    payload: u64,
    truth: Way,
    due: Way,
    attributable: bool,
    vpnmon: Option<Way>,
    vpnmon_error: Option<Signed>,
    peers: Views,
    ok: bool,
    notes: &'a [String],
    doubts: &'a [String],
}

#[derive(Serialize)]
struct Way {
    up: u64,
    down: u64,
}

impl From<Bytes> for Way {
    fn from(bytes: Bytes) -> Self {
        Self { up: bytes.up, down: bytes.down }
    }
}

/// The table as one JSON document: everything in bytes, peers as they saw it.
pub fn json(kernel: &str, rows: &[Row]) -> serde_json::Result<String> {
    let written = rows.iter().map(|row| Written {
        scenario: &row.name,
        payload: row.payload,
        truth: row.truth.into(),
        due: row.due.into(),
        attributable: row.attributable,
        vpnmon: row.vpnmon.map(Way::from),
        vpnmon_error: row.error(),
        peers: row.peers,
        ok: row.holds(),
        notes: &row.notes,
        doubts: &row.doubts,
    });
    let ok = rows.iter().all(Row::holds);
    serde_json::to_string_pretty(&Document { schema: 1, kernel, ok, rows: written.collect() })
}
