//! Says the hellos and requests of captures again, through real sockets past a running agent, cut in
//! many ways, and compares the names that it logs with what other code reads in the whole message.
//!
//! `cargo xtask bpf && cargo build --release -p vpnmon-agent`, then, as root,
//! `cargo run --release -p vpnmon-tests --example replay -- DIR...`. CONTRIBUTING.md names public
//! captures. Nothing of them is kept here.

#![allow(clippy::print_stdout, reason = "the report")]
#![allow(clippy::panic, reason = "as the harness: what the machine refuses ends the run")]

mod cases;
mod table;

#[path = "../../../vpnmon-agent/examples/captures/net.rs"]
mod net;
#[path = "../../../vpnmon-agent/examples/captures/oracle.rs"]
mod oracle;
#[path = "../../../vpnmon-agent/examples/captures/pcap.rs"]
mod pcap;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    thread,
    time::Duration,
};

use vpnmon_tests::{
    agent::Agent,
    hello,
    home::Home,
    machine::Machine,
    visit::{say_pieces, server},
    wait::wait_for,
};

use crate::{
    cases::{Case, Cases, Said},
    table::Table,
};

/// The last name that is said: when it is logged, all before it are.
const LAST: &str = "last.replay.example";
const MINUTE: Duration = Duration::from_mins(1);

fn main() {
    let mut cases = Cases::default();
    for dir in std::env::args_os().skip(1) {
        for file in pcap::files(Path::new(&dir)) {
            cases.read(&file);
        }
    }
    println!("{cases}");
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let ends = Ends::open();
    let all = cases.finish();
    all.iter().zip(0..).for_each(|(case, number)| ends.say(case, number));
    ends.say(&Case::last(hello::records(&hello::message(LAST), 16_000)), 0x00ff_0000);
    let rows = wait_for("the last name", MINUTE, || {
        let rows = logged(&home.state_dir());
        if rows.iter().any(|row| row["host"] == LAST) { Ok(rows) } else { Err("none".into()) }
    });
    println!("{}", Table::of(&all, &rows));
    println!("{:?}", agent.status().agent.lost);
}

/// Where all cases go to: each to an address of its own, by which it is known again.
struct Ends {
    tcp: u16,
    udp: u16,
}

impl Ends {
    fn open() -> Self {
        let any = Ipv4Addr::UNSPECIFIED;
        let socket = UdpSocket::bind((any, 0)).unwrap_or_else(|e| panic!("UDP: {e}"));
        let udp = socket.local_addr().map_or(0, |at| at.port());
        thread::spawn(move || while socket.recv(&mut [0; 2048]).is_ok() {});
        Self { tcp: server(any.into()).port(), udp }
    }

    fn say(&self, case: &Case, number: u32) {
        let ip = address(number);
        match &case.said {
            Said::Stream(pieces) => say_pieces(SocketAddr::new(ip, self.tcp), pieces),
            Said::Datagrams(datagrams) => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
                    socket.connect((ip, self.udp))?;
                    datagrams.iter().try_for_each(|it| socket.send(it).map(drop))
                });
                socket.unwrap_or_else(|e| panic!("UDP to {ip}: {e}"));
                // More than the ring holds would come in one look of the agent.
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// The address of a case, which its rows in `hosts.jsonl` have as `dest_ip`.
fn address(number: u32) -> IpAddr {
    let [_, a, b, c] = (number + 1).to_be_bytes();
    Ipv4Addr::new(127, a, b, c).into()
}

/// All rows, the oldest first.
fn logged(dir: &Path) -> Vec<serde_json::Value> {
    let names = (1..=4).rev().map(|n| format!("hosts.jsonl.{n}")).chain(["hosts.jsonl".into()]);
    let texts = names.filter_map(|name| fs::read_to_string(dir.join(name)).ok());
    let rows = |text: String| -> Vec<_> {
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    texts.flat_map(rows).collect()
}
