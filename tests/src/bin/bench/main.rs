//! What vpnmon costs, beside what others cost, in one interleaved run. `cargo xtask bench` builds
//! everything and starts it; `docs/BENCHMARKS.md` says what the figures mean.

#![expect(clippy::print_stdout, reason = "the tables are the output")]
#![expect(clippy::panic, reason = "as the harness: what the machine refuses ends the run")]

mod agents;
mod aims;
mod crowd;
mod document;
mod drains;
mod empty;
mod figures;
mod firewall;
mod fleet;
mod freshness;
mod ground;
mod host;
mod interrupt;
mod kernel_stats;
mod options;
mod path;
mod place;
mod plan;
mod process_cost;
mod program;
mod progress;
mod results;
mod rounds;
mod senders;
mod shard;
mod tcp;

use std::{fs, process::ExitCode};

use vpnmon_tests::{machine::Machine, process::run};

use crate::{
    crowd::Crowd, empty::Empty, fleet::Fleet, ground::Ground, host::Host, interrupt::Result,
    options::Options, results::Results,
};

fn main() -> ExitCode {
    let options = Options::from_arguments();
    interrupt::install();
    let machine = Machine::take();
    let results = measure(&options);
    drop(machine);
    let Ok(results) = results else {
        eprintln!("stopped by a signal; everything that was made is gone again");
        return ExitCode::FAILURE;
    };
    write(&options, &results);
    ExitCode::SUCCESS
}

fn measure(options: &Options) -> Result<Results> {
    let plan = &options.plan;
    let host = Host::look();
    senders::raise_limits();
    let (ground, empty) = (Ground::new(plan, options.against.as_deref()), Empty::attach());
    let fleet = Fleet::start(&ground);
    eprintln!("setting up: a socket for each of {} accounts ...", plan.most());
    let crowd = Crowd::gather(&ground, &empty, plan);
    fleet.settle()?;
    let path = path::measure(&ground, &crowd, &fleet, plan)?;
    let programs = program::measure(&ground, &crowd, &empty, &fleet, plan)?;
    let tcp = tcp::measure(&ground, &empty, &fleet, plan)?;
    let costs = agents::measure(&ground, &crowd, &fleet, plan)?;
    fleet.terminate();
    let lives = drains::measure(&ground, &crowd, plan)?;

    let above_empty = results::above_empty(&programs);
    let agents = results::agent_rows(&ground, &costs, &lives);
    let [throughput, connections, visits] = results::tcp_rows(&tcp);
    let one = |_: &rounds::Name| "vpnmon-1".to_owned();
    Ok(Results {
        schema: 1,
        command: options.command(),
        date: run("date", &["-u", "+%Y-%m-%d"]).trim().to_owned(),
        host,
        aims: aims::judge(plan, [&path, &programs, &above_empty, &tcp.visits], &agents),
        path: results::rows(&path, results::bare),
        programs: results::rows(&programs, one),
        above_empty: results::rows(&above_empty, one),
        throughput,
        connections,
        visits,
        agents,
    })
}

fn write(options: &Options, results: &Results) {
    let json = serde_json::to_string_pretty(results).unwrap_or_else(|e| panic!("results: {e}"));
    let file = &options.results;
    fs::write(file, json + "\n").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let tables = document::tables(results);
    println!("{tables}");
    if let Some(document) = &options.document {
        let inserted = document::insert(document, &tables);
        inserted.unwrap_or_else(|e| panic!("{}: {e}", document.display()));
    }
}
