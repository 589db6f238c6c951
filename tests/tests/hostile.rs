//! What hostile clients say, on real connections: what of it is written down, and what is not.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket},
    process,
};

use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};
use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    datagram::INITIAL,
    hello,
    home::Home,
    machine::Machine,
    visit::{say, server},
    wait::{SOON, equal, wait_for},
};

/// What was said to `port`, once the name that was said last is written down.
fn said(home: &Home, port: u16, last: &str) -> Vec<Value> {
    wait_for("the last name", SOON, || {
        let rows = home.host_events();
        let is_there = rows.iter().any(|row| row["host"] == last && row["direction"] == "ingress");
        let ours = rows.into_iter().filter(|row| row["dest_port"] == port);
        if is_there { Ok(ours.collect()) } else { Err("not there".to_owned()) }
    })
}

fn record(name: &[u8]) -> Vec<u8> {
    hello::records(&hello::message_of_bytes(name), 16_000)
}

/// A name and whether it is odd; `None`: dropped and counted.
type Stored = Option<(String, bool)>;

/// How each is stored; `None`: dropped and counted. A final dot and a port are no part of a name.
fn names(of_test: &str) -> BTreeMap<Vec<u8>, Stored> {
    let odd = |text: &str| Some((format!("{text}.{of_test}"), true));
    let plain = |text: &str| Some((format!("{text}.{of_test}"), false));
    let label = |len: usize| "n".repeat(len);
    // So many bytes in all, no label too long.
    let longest = |len: usize| {
        let labels = [label(63), label(63), label(63), label(63), label(63)].join(".");
        labels[labels.len() + of_test.len() + 1 - len..].to_owned()
    };
    let names: [(Vec<u8>, Stored); 22] = [
        (b"a\0b".into(), odd("a\\x00b")),
        (
            b"a|SSH|192.0.2.1|2026-01-01 00:00:00\nb".into(),
            odd("a\\|ssh\\|192.0.2.1\\|2026-01-01\\x2000:00:00\\x0ab"),
        ),
        (b"a\nb\rc\td".into(), odd("a\\x0ab\\x0dc\\x09d")),
        (b"a\x1b[31m\x7f".into(), odd("a\\x1b[31m\\x7f")),
        (b"\"a'\\".into(), odd("\"a'\\\\")),
        (b"%s%n".into(), odd("%s%n")),
        (b"../../etc".into(), odd("../../etc")),
        (b"\xff\xfe".into(), odd("\\xff\\xfe")),
        ("\u{202e}a".into(), odd("\\xe2\\x80\\xaea")),
        (b"xn--bcher-kva".into(), plain("xn--bcher-kva")),
        (b"UPPER".into(), plain("upper")),
        (b".a".into(), odd(".a")),
        (b"a.".into(), odd("a.")),
        (label(64).into(), odd(&label(64))),
        (label(63).into(), plain(&label(63))),
        (b"*".into(), odd("*")),
        (b"[::1]".into(), odd("[::1]")),
        (b"127.0.0.1".into(), plain("127.0.0.1")),
        // nDPI's issue 2294: a name that goes on with a request.
        (
            b"a\r\nHost: b\r\nX-Online-Host: c\r\n\r\n".into(),
            odd("a\\x0d\\x0ahost:\\x20b\\x0d\\x0ax-online-host:\\x20c\\x0d\\x0a\\x0d\\x0a"),
        ),
        (longest(253).into(), plain(&longest(253))),
        (longest(254).into(), None),
        (longest(255).into(), None),
    ];
    let with_domain = |name: Vec<u8>| [&name[..], b".", of_test.as_bytes()].concat();
    names.into_iter().map(|(name, stored)| (with_domain(name), stored)).collect()
}

#[test]
fn names_that_are_none_reach_no_line_of_a_log() {
    let _machine = Machine::take();
    let home = Home::new("");
    let _agent = Agent::start(&home);
    let (of_test, to) = (format!("e{}.example", process::id()), server(Ipv4Addr::LOCALHOST.into()));
    let names = names(&of_test);
    for name in names.keys() {
        say(to, &record(name), 1000);
    }
    let last = format!("last.{of_test}");
    say(to, &record(last.as_bytes()), 1000);
    let said = said(&home, to.port(), &last);
    let heard = said.iter().filter(|row| row["direction"] == "egress" && row["host"] != last[..]);
    let heard: BTreeMap<String, bool> =
        heard.map(|row| (row["host"].as_str().unwrap().to_owned(), row["odd"] == true)).collect();
    let stored: BTreeMap<_, _> = names.into_values().flatten().collect();
    assert_eq!(heard, stored);
    let log = wait_for("hosts.log", SOON, || {
        let log = fs::read_to_string(home.state_dir().join("hosts.log")).unwrap_or_default();
        if log.contains(&last) { Ok(log) } else { Err(log) }
    });
    let mut ours: Vec<_> = log.lines().filter(|line| line.contains(&of_test)).collect();
    ours.sort_unstable();
    let plain = stored.iter().filter(|(_, is_odd)| !**is_odd).map(|(name, _)| name);
    let mut expected: Vec<_> = plain.chain([&last]).collect();
    expected.sort_unstable();
    let hosts: Vec<_> =
        ours.iter().map(|line| line.split('|').next().unwrap_or_default()).collect();
    assert_eq!(hosts, expected);
    for line in log.lines() {
        assert_eq!(line.split('|').count(), 4, "{line}");
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
    }
}

#[test]
fn what_began_before_the_agent_is_not_guessed_at() {
    let _machine = Machine::take();
    let home = Home::new("");
    let (of_test, to) = (format!("m{}.example", process::id()), server(Ipv4Addr::LOCALHOST.into()));
    let unheard = record(format!("unheard.{of_test}").as_bytes());
    let mut early = TcpStream::connect(to).unwrap();
    early.set_nodelay(true).unwrap();
    early.write_all(&unheard[..20]).unwrap();
    let _agent = Agent::start(&home);
    early.write_all(&unheard[20..]).unwrap();
    // And the whole of one, which is no beginning either.
    early.write_all(&unheard).unwrap();
    early.shutdown(Shutdown::Write).unwrap();
    assert_eq!(early.read(&mut [0]).unwrap(), 0);
    let last = format!("last.{of_test}");
    say(to, &record(last.as_bytes()), 1000);
    let hosts: Vec<_> =
        said(&home, to.port(), &last).iter().map(|row| row["host"].clone()).collect();
    assert_eq!(hosts, [&last[..], &last]);
}

#[test]
fn datagrams_of_one_buffer_are_read_one_by_one() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = sink.local_addr().unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    setsockopt(&socket, UdpGsoSegment, &i32::try_from(INITIAL.len()).unwrap()).unwrap();
    let mut other = INITIAL.to_vec();
    other[700] ^= 1;
    // One that does not open between two that do.
    let sent = socket.send_to(&[INITIAL, &other, INITIAL].concat(), to).unwrap();
    assert_eq!(sent, 3 * INITIAL.len());
    wait_for("two names and a loss", SOON, || {
        let rows = home.host_events();
        let ours = rows.iter().filter(|row| {
            row["dest_port"] == to.port()
                && row["direction"] == "egress"
                && row["kind"] == "quic-sni"
        });
        let names: Vec<_> = ours.filter_map(|row| row["host"].as_str()).collect();
        let lost = agent.status().agent.lost.host_reasons.get("quic").copied();
        equal((names, lost >= Some(1)), &(vec!["quic.example"; 2], true)).map(drop)
    });
}
