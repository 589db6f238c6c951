//! How exact vpnmon is, and what other tools see of the same traffic.
//!
//! Run by `cargo xtask accuracy`. Real programs send in network namespaces; the truth is read from
//! the wire by two means. The table goes to stdout, progress to stderr. Ends with 0 only when the
//! truth is sure and every row is what the contract says.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::panic, reason = "like the harness, a scenario fails by panicking")]

mod afterlife;
mod capture;
mod network;
mod packet;
mod peers;
mod play;
mod report;
mod scenario;
mod stage;
mod table;
mod truth;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use nix::sys::utsname::uname;
use vpnmon_tests::{agent::Agent, home::Home, machine::Machine, user::TestUser};

use crate::{
    report::Row,
    scenario::{SCENARIOS, Scenario},
    stage::{Cast, Pending},
};

/// Measure vpnmon and other tools against the wire.
#[derive(Parser)]
struct Options {
    /// Only the scenarios whose name contains NAME.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    only: String,
    /// Also write the rows to FILE, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let chosen: Vec<_> = SCENARIOS.iter().filter(|s| s.name.contains(&options.only)).collect();
    if chosen.is_empty() {
        eprintln!("accuracy: no scenario is named like `{}`; there are:", options.only);
        SCENARIOS.iter().for_each(|scenario| eprintln!("  {}", scenario.name));
        return ExitCode::from(2);
    }
    let rows = measure(&chosen);
    print!("{}", table::text(&rows));
    if let Some(file) = options.json
        && let Err(why) = write(&file, &rows)
    {
        eprintln!("accuracy: writing {}: {why}", file.display());
        return ExitCode::FAILURE;
    }
    if rows.iter().all(Row::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(chosen: &[&Scenario]) -> Vec<Row> {
    eprintln!("waiting for this machine's other system tests, if any ...");
    let _machine = Machine::take();
    let cast = Cast { users: ["one", "two"].map(TestUser::new), peer: TestUser::new("peer") };
    let home = Home::new("");
    let agent = Agent::start(&home);
    let pending: Vec<_> = chosen
        .iter()
        .enumerate()
        .map(|(serial, scenario)| {
            let start = Instant::now();
            eprint!("{:>2}/{} {:<20} ", serial + 1, chosen.len(), scenario.name);
            let run = AssertUnwindSafe(|| stage::run(scenario, serial, &cast, &agent));
            let pending = catch_unwind(run);
            eprintln!("{:.1} s", start.elapsed().as_secs_f64());
            pending.map_err(|_| Row::failed(scenario))
        })
        .collect();
    eprintln!("waiting for the tools that look every few seconds ...");
    let rows = pending.into_iter().flat_map(|p| p.map_or_else(|row| vec![row], Pending::finish));
    let rows = rows.collect();
    let _ = agent.terminate();
    rows
}

fn write(file: &PathBuf, rows: &[Row]) -> Result<(), String> {
    let kernel = uname().map_err(|e| e.to_string())?.release().to_string_lossy().into_owned();
    let json = report::json(&kernel, rows).map_err(|e| e.to_string())?;
    fs::write(file, json + "\n").map_err(|e| e.to_string())
}
