//! The kernel's build of the parser says what the host's says: each input of the fuzzer goes through
//! real sockets and the loaded programs, and is compared with what the library reads.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use vpnmon_agent::fuzz::host_stream_for_kernel;
use vpnmon_tests::{
    agent::Agent,
    hello,
    home::Home,
    machine::Machine,
    visit::{say_pieces, server},
    wait::{SOON, wait_for},
};

fn corpus() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/host_stream");
    let files = fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// The hosts of each sighting on a connection to `port`, seen from where it was said and heard.
fn sightings(log: &str, port: u16, direction: &str) -> Vec<String> {
    let rows = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let ours = rows.filter(|row: &serde_json::Value| {
        row["dest_port"] == port && row["direction"] == direction
    });
    ours.filter_map(|row| row["host"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_kernel_reads_what_the_library_reads() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let files = corpus();
    assert!(files.len() >= 20, "{files:?}");
    let mut cases = Vec::new();
    for file in files {
        let input = fs::read(&file).unwrap();
        let Some((pieces, hosts)) = host_stream_for_kernel(&input) else { continue };
        let to = server(Ipv4Addr::LOCALHOST.into());
        say_pieces(to, &pieces);
        cases.push((file, to.port(), hosts));
    }
    // Records come in the order in which they were made.
    let last = server(Ipv4Addr::LOCALHOST.into());
    say_pieces(last, &[hello::records(&hello::message("last.example"), 16_000)]);
    let log = home.state_dir().join("hosts.jsonl");
    let text = wait_for("the last record", SOON, || {
        let text = fs::read_to_string(&log).map_err(|e| e.to_string())?;
        let is_there = sightings(&text, last.port(), "ingress").len() == 1;
        if is_there { Ok(text) } else { Err(text) }
    });
    for (file, port, hosts) in &cases {
        for direction in ["egress", "ingress"] {
            assert_eq!(&sightings(&text, *port, direction), hosts, "{direction}: {file:?}");
        }
    }
    assert!(cases.iter().any(|(_, _, hosts)| hosts.len() > 1), "no input has two names");
}
