//! Names that sockets say and hear, however they are cut up: read in the kernel, listed by the agent.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    process,
};

use vpnmon_tests::{
    agent::Agent,
    datagram::question,
    hello,
    home::Home,
    machine::Machine,
    visit::{say, server},
    wait::{SOON, equal, wait_for},
};

/// The names of this test that the agent knows.
fn names(home: &Home, of_test: &str) -> BTreeSet<String> {
    let ended = home.agent(&["hosts", "list", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let list: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let rows = list["hosts"].as_array().into_iter().flatten();
    let hosts = rows.filter_map(|row| row["host"].as_str().map(str::to_owned));
    hosts.filter(|host| host.contains(of_test)).collect()
}

/// All that is expected, and nothing else.
fn are(home: &Home, of_test: &str, expected: &BTreeSet<String>) {
    wait_for("the names", SOON, || equal(names(home, of_test), expected));
}

#[test]
fn names_are_read_however_they_are_cut() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let of_test = format!("t{}.example", process::id());
    let mut expected = BTreeSet::new();
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let to = server(ip);
        let family = if ip.is_ipv4() { "v4" } else { "v6" };
        for record in [16_000, 1000, 100, 7, 1] {
            for cut in [100_000, 1448, 100, 3, 1] {
                let name = format!("{family}-{record}-{cut}.{of_test}");
                say(to, &hello::records(&hello::message(&name), record), cut);
                expected.insert(name);
            }
        }
        for cut in [1000, 7, 1] {
            let name = |what| format!("{what}-{family}-{cut}.{of_test}");
            let [host, proxied, target, connect] =
                ["host", "proxied", "target", "connect"].map(name);
            let request = format!(
                "GET / HTTP/1.1\r\nCookie: {}\r\nHost: {host}:8080\r\nX-Forwarded-Host: {proxied}\r\n\r\n",
                "x".repeat(2000)
            );
            say(to, request.as_bytes(), cut);
            let absolute =
                format!("GET http://{target}/ HTTP/1.1\r\nHost: wrong.{of_test}\r\n\r\n");
            say(to, absolute.as_bytes(), cut);
            say(to, format!("CONNECT {connect}:443 HTTP/1.1\r\n\r\n").as_bytes(), cut);
            expected.extend([host, proxied, target, connect]);
        }
    }
    are(&home, &of_test, &expected);
}

#[test]
fn what_is_no_name_is_none() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let (of_test, to) = (format!("n{}.example", process::id()), server(Ipv4Addr::LOCALHOST.into()));
    let two_hosts = format!("GET / HTTP/1.1\r\nHost: a.{of_test}\r\nHost: b.{of_test}\r\n\r\n");
    say(to, two_hosts.as_bytes(), 1000);
    let mut lying = hello::message(&format!("lying.{of_test}"));
    // The list of names says it is a byte longer than it is.
    let at = lying.windows(5).rposition(|it| it[..2] == [0, 0] && it[4] == 0).unwrap_or(0) + 3;
    lying[at] = lying[at].wrapping_add(1);
    say(to, &hello::records(&lying, 16_000), 1000);
    let good = format!("good.{of_test}");
    say(to, &hello::records(&hello::message(&good), 16_000), 1000);
    are(&home, &of_test, &[good].into());
    wait_for("flows that were given up", SOON, || {
        let gave_up = agent.status().agent.lost.host_flows_gave_up;
        // Both ends of each read it.
        if gave_up >= Some(4) { Ok(()) } else { Err(format!("{gave_up:?}")) }
    });
}

#[test]
fn a_name_that_may_hide_another_is_counted() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let (of_test, to) = (format!("h{}.example", process::id()), server(Ipv4Addr::LOCALHOST.into()));
    let [outer, only] = ["outer", "only"].map(|name| format!("{name}.{of_test}"));
    say(to, &hello::records(&hello::outer_message(&outer), 16_000), 1000);
    say(to, &hello::records(&hello::message(&only), 16_000), 1000);
    are(&home, &of_test, &[outer, only].into());
    // Both ends read it.
    wait_for("the outer names", SOON, || {
        equal(agent.status().agent.lost.host_outer_names, &Some(2)).map(drop)
    });
}

#[test]
fn off_is_off() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let (of_test, to) = (format!("o{}.example", process::id()), server(Ipv4Addr::LOCALHOST.into()));
    let visit = |name: &str| say(to, &hello::records(&hello::message(name), 16_000), 1000);
    let order = |word: &str| {
        let ended = home.agent(&["hosts", word]);
        assert_eq!(ended.code, 0, "hosts {word}: {}", ended.stderr);
    };
    order("off");
    visit(&format!("unseen.{of_test}"));
    order("on");
    let seen = format!("seen.{of_test}");
    visit(&seen);
    are(&home, &of_test, &[seen].into());
}

#[test]
fn questions_are_told() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let of_test = format!("q{}.example", process::id());
    let question = question(&format!("www.{of_test}"));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|e| panic!("{e}"));
    // Nobody may be there to answer.
    let _sent = socket.send_to(&question, (Ipv4Addr::LOCALHOST, 53));
    are(&home, &of_test, &[format!("www.{of_test}")].into());
}
