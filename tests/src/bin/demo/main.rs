//! A VPN server with users that move bytes, to look at before installing anything.
//!
//! Run by `cargo xtask demo`. Real servers and clients in mounts and networks of their own: no account,
//! file, pin or interface of the machine is touched. All of it ends with this process.

#![expect(clippy::print_stdout, reason = "the tables are what it is for")]
#![expect(clippy::panic, reason = "like the harness, a stage fails by panicking")]

mod cast;
mod internet;
mod place;
mod servers;
mod show;
mod stop;
mod v2ray;
mod walk;

use std::{
    io::{self, IsTerminal as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use vpnmon_tests::{
    agent::Agent,
    home::Home,
    order::Place,
    process::Process,
    status::Account,
    wait::{SOON, wait_for},
};

use crate::{
    cast::{CAST, Person, Via, client_address, socks_port},
    internet::SERVER,
    servers::{DROPBEAR_PORT, SSH_PORT, Servers, isolated, words},
    stop::Stop,
    v2ray::V2ray,
};

/// Show `top` on a server with users.
#[derive(Parser)]
struct Options {
    /// End after so many seconds; without a terminal, then print what was counted.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Write what `top` shows then, with colours, to FILE instead of showing it.
    #[arg(long, value_name = "FILE", requires = "seconds")]
    screen: Option<PathBuf>,
    /// Show hosts, not accounts.
    #[arg(long)]
    hosts: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let is_seen = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !is_seen && options.seconds.is_none() {
        eprintln!("demo: this is no terminal to show `top` on; say how long: --seconds 30");
        return ExitCode::from(2);
    }
    let stop = Stop::listen();
    let shown = catch_unwind(AssertUnwindSafe(|| show(&options, is_seen, &stop)));
    match shown {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(why)) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn show(options: &Options, is_seen: bool, stop: &Stop) -> Result<(), String> {
    place::enter().map_err(|e| format!("making a place for the demo: {e}"))?;
    let servers = Servers::new(internet::build());
    let v2ray = V2ray::new();
    let _servers = (servers.start_ssh(), v2ray.serve(&servers));
    let home = servers.home(&v2ray);
    let agent = servers.start(home.command(&["run"]));
    let agent = Agent::ready(&home, agent);
    let _clients = (connect_ssh(&servers), v2ray.connect());
    wait_sessions(&home);
    set_limits(&home);
    for (number, person) in CAST.iter().enumerate() {
        walk::begin(number, person);
    }
    eprintln!(
        "demo: {} users of sshd, dropbear and v2ray; q ends it and leaves nothing",
        CAST.len()
    );
    let top = if options.hosts { &["top", "--hosts"][..] } else { &["top"] };
    let top = home.command(top);
    let time = options.seconds.map(Duration::from_secs);
    let shown = match (&options.screen, time) {
        (Some(file), Some(time)) => show::picture(&top, time, file, stop),
        (None, Some(time)) if !is_seen => {
            show::tables(&home, time, stop).map(|tables| print!("{tables}"))
        }
        _ => show::top(top, time, stop),
    };
    let _ = agent.terminate();
    shown
}

/// A client for each of the cast that comes over SSH.
fn connect_ssh(servers: &Servers) -> Vec<Process> {
    let people = CAST.iter().enumerate().filter(|(_, person)| person.via.is_ssh());
    people.map(|(number, person)| login(servers, number, person)).collect()
}

fn login(servers: &Servers, number: usize, person: &Person) -> Process {
    let port = if person.via == Via::Dropbear { DROPBEAR_PORT } else { SSH_PORT };
    let (port, from) = (port.to_string(), client_address(number).to_string());
    let (key, socks) = (servers.keys.file("user_key"), socks_port(number).to_string());
    let to = format!("{}@{SERVER}", person.name);
    let options = ["ssh", "-F", "/dev/null", "-N", "-o", "BatchMode=yes", "-o"];
    let host = ["StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
    let rest = ["-i", &key, "-b", &from, "-p", &port, "-D", &socks, &to];
    isolated(Place::default(), words(&[&options[..], &host, &rest].concat()))
}

/// What is said in the first moments of a session of dropbear's, before its log tells whose it is, is
/// put down to no user; nobody is that fast.
fn wait_sessions(home: &Home) {
    for person in CAST.iter().filter(|person| person.via.is_ssh()) {
        wait_for(&format!("the session of {}", person.name), SOON, || {
            let status = home.status();
            let is_there = |row: &Account| row.name == person.name && !row.sessions.is_empty();
            if status.accounts.iter().any(is_there) { Ok(()) } else { Err(format!("{status:?}")) }
        });
    }
}

fn set_limits(home: &Home) {
    for person in &CAST {
        let Some(limit) = person.limit else { continue };
        let account = format!("{}:{}", person.via.word(), person.name);
        // Users of v2ray are known after its first answer.
        wait_for(&format!("the limit of {account}"), SOON, || {
            let ended = home.agent(&["limit", "set", &account, limit]);
            if ended.code == 0 { Ok(()) } else { Err(ended.stderr) }
        });
    }
}
