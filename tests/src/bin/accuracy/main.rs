//! How exact vpnmon is, and what other tools see of the same traffic.
//!
//! Run by `cargo xtask accuracy`. Real programs send in network namespaces; the truth is read from
//! the wire by two means. The table goes to stdout, progress to stderr. Ends with 0 only when the
//! truth is sure and every row is what the contract says.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::panic, reason = "like the harness, a scenario fails by panicking")]

mod afterlife;
mod capture;
mod cast;
mod network;
mod packet;
mod peers;
mod play;
mod report;
mod scenario;
mod shape;
mod stage;
mod table;
mod traffic;
mod truth;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use clap::Parser;
use nix::sys::utsname::uname;
use vpnmon_tests::{agent::Agent, home::Home, machine::Machine};

use crate::{
    cast::Cast,
    report::Row,
    scenario::{SCENARIOS, Scenario},
    stage::Pending,
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
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        let names = names.join(", ");
        eprintln!("accuracy: no scenario is named like `{}`; there are: {names}", options.only);
        return ExitCode::from(2);
    }
    let stop = Stop::listen();
    let rows = measure(&chosen, &stop);
    print!("{}", table::text(&rows));
    if let Some(file) = options.json
        && let Err(why) = write(&file, &rows)
    {
        eprintln!("accuracy: writing {}: {why}", file.display());
        return ExitCode::FAILURE;
    }
    if stop.asked() {
        eprintln!("accuracy: stopped by a signal after {} rows", rows.len());
    }
    let all_well = !stop.asked() && rows.iter().all(Row::holds);
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(chosen: &[&Scenario], stop: &Stop) -> Vec<Row> {
    eprintln!("waiting for this machine's other system tests, if any ...");
    let _machine = Machine::take();
    let cast = Cast::new();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let mut pending = Vec::new();
    for (serial, scenario) in chosen.iter().enumerate() {
        if stop.asked() {
            break;
        }
        let start = Instant::now();
        eprint!("{:>2}/{} {:<20} ", serial + 1, chosen.len(), scenario.name);
        let run = AssertUnwindSafe(|| stage::run(scenario, serial, &cast, &agent));
        pending.push((scenario, catch_unwind(run)));
        eprintln!("{:.1} s", start.elapsed().as_secs_f64());
    }
    eprintln!("waiting for the tools that look every few seconds ...");
    let rows = pending.into_iter().flat_map(|(scenario, pending)| {
        pending.map_or_else(|_| vec![Row::failed(scenario)], Pending::finish)
    });
    let rows = rows.collect();
    if !stop.asked() {
        let _ = agent.terminate();
    }
    rows
}

/// Ctrl-C and SIGTERM as a flag: ending on the spot would leave namespaces, accounts and programs.
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn listen() -> Self {
        let stop = Self(Arc::default());
        let asked = Arc::clone(&stop.0);
        ctrlc::set_handler(move || asked.store(true, Relaxed))
            .unwrap_or_else(|e| panic!("cannot take over Ctrl-C: {e}"));
        stop
    }

    fn asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

fn write(file: &PathBuf, rows: &[Row]) -> Result<(), String> {
    let kernel = uname().map_err(|e| e.to_string())?.release().to_string_lossy().into_owned();
    let json = report::json(&kernel, rows).map_err(|e| e.to_string())?;
    fs::write(file, json + "\n").map_err(|e| e.to_string())
}
