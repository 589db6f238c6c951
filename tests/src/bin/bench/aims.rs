//! What the project wants to reach, and whether this run did.

use serde::Serialize;

use crate::{
    figures::Figure,
    plan::Plan,
    results::{AgentRow, find},
    rounds::Series,
};

/// One figure and its limit.
#[derive(Serialize)]
pub struct Aim {
    /// In words, limit included.
    pub what: String,
    /// The figure.
    pub measured: f64,
    /// What it may be.
    pub limit: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Whether it is.
    pub reached: bool,
}

impl Aim {
    fn at_most(what: String, measured: f64, limit: f64, unit: &'static str) -> Self {
        Self { what, measured, limit, unit, reached: measured <= limit }
    }
}

/// Nanoseconds above the empty program.
const PROGRAM_NS: f64 = 60.0;
/// From one account to the most.
const GROWTH: f64 = 1.15;
/// Of the path through as many iptables rules.
const OF_IPTABLES: f64 = 0.1;
/// Of the bare path with as many sockets in use.
const NOTICED: f64 = 1.1;
/// Of the connections without capture nine tenths are to be left with it.
const UNCAPTURED: f64 = 1.0 / 0.9;
const DRAIN_US: f64 = 1_000.0;
const IDLE_PERCENT: f64 = 1.0;

/// All aims.
pub fn judge(
    plan: &Plan,
    [path, programs, above_empty, visits]: [&[Series]; 4],
    agents: &[AgentRow],
) -> Vec<Aim> {
    let [_, _, drained, most] = plan.accounts;
    let median = |series, key: &str| Figure::of(&find(series, key).rounds).median;
    let ratio = |series, a: &str, b: &str| {
        Figure::paired(&find(series, a).rounds, &find(series, b).rounds, |a, b| a / b).median
    };
    let (one, all) = ("vpnmon-1", format!("vpnmon-{most}"));
    let (any, bare_any) = (format!("{all}-any"), format!("bare-any-{most}"));
    let thousand = ratio(path, "vpnmon-1000", "iptables-1000");
    let ours = || agents.iter().filter(|row| row.key.starts_with("vpnmon"));
    let drain = ours().find(|row| row.accounts == drained);
    let drain = drain.map_or(f64::NAN, |row| row.idle_drains.mean_us.max(row.load_drains.mean_us));
    let idle = ours().map(|row| row.idle_cpu_percent.median).fold(0.0, f64::max);
    let at_most =
        |what: &str, measured, limit, unit| Aim::at_most(what.to_owned(), measured, limit, unit);
    vec![
        at_most(
            "program above the empty program, egress, 1 account",
            median(above_empty, one),
            PROGRAM_NS,
            "ns",
        ),
        at_most(
            "program above the empty program, ingress, 1 account",
            median(above_empty, "vpnmon-ingress"),
            PROGRAM_NS,
            "ns",
        ),
        at_most(
            &format!("program at {most} accounts to program at 1"),
            ratio(programs, &all, one),
            GROWTH,
            "×",
        ),
        at_most("path at 1000 accounts to 1000 iptables rules", thousand, OF_IPTABLES, "×"),
        at_most(
            &format!("path at {most} accounts to bare, one sends"),
            ratio(path, &all, "bare"),
            NOTICED,
            "×",
        ),
        at_most(
            &format!("path at {most} accounts to bare, any sends"),
            ratio(path, &any, &bare_any),
            NOTICED,
            "×",
        ),
        at_most(
            &format!("mean drain at {drained} accounts, idle or loaded"),
            drain,
            DRAIN_US,
            "us",
        ),
        at_most(
            "connections a second, names not captured to captured",
            ratio(visits, "hosts-off", "hosts-on"),
            UNCAPTURED,
            "×",
        ),
        at_most("idle agent, most of all numbers of accounts", idle, IDLE_PERCENT, "% of a core"),
    ]
}
