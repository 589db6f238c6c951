//! How soon a visit is shown.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpStream},
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

use vpnmon_tests::{
    agent::Agent,
    hello,
    home::Home,
    machine::Machine,
    process::Process,
    visit::{say, server},
    wait::SOON,
};

const SAMPLES: u32 = 400;
/// From the call of connect(2) to the line.
const MOST: Duration = Duration::from_millis(50);

#[test]
fn a_visit_is_shown_at_once() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let to = server(Ipv4Addr::LOCALHOST.into());
    let of_test = format!("w{}.example", process::id());
    let hello = |name: &str| hello::records(&hello::message(name), 16_000);
    let command = home.command(&["hosts", "watch", "--json"]);
    let mut watch = Process::start("hosts watch", Command::new(&command[0]).args(&command[1..]));
    // Until it watches: that it does nobody says.
    let first = format!("first.{of_test}");
    while !watch.next_line(Duration::from_millis(100)).is_some_and(|line| line.contains(&first)) {
        say(to, &hello(&first), 16_000);
    }
    let mut took: Vec<_> = (0..SAMPLES)
        .map(|n| {
            let name = format!("{n}.{of_test}");
            let bytes = hello(&name);
            // Another moment between two drains each time.
            thread::sleep(Duration::from_micros(u64::from(n * 7919 % 10_000)));
            let started = Instant::now();
            let visit = TcpStream::connect(to).and_then(|mut stream| {
                stream.write_all(&bytes)?;
                Ok(stream)
            });
            let _visit = visit.unwrap_or_else(|e| panic!("{to}: {e}"));
            while !watch.line(SOON).contains(&name) {}
            started.elapsed()
        })
        .collect();
    took.sort_unstable();
    let part = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "connect to line of {SAMPLES}: p50 {:?}, p90 {:?}, p99 {:?}, longest {:?}",
        part(50),
        part(90),
        part(99),
        part(100)
    );
    assert!(part(99) <= MOST, "p99 {:?}", part(99));
}
