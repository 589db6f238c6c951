//! Hellos in segments that come twice, too early, over others, on the SYN.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process,
};

use nix::sys::socket::{setsockopt, sockopt::TcpFastOpenConnect};
use socket2::{Domain, Socket, Type};
use vpnmon_tests::{
    agent::Agent,
    hello,
    home::Home,
    machine::Machine,
    namespace::Namespace,
    segments::{Connection, Wire},
    visit,
    wait::{SOON, equal, wait_for},
};

/// A hello whose name ends on this test's own.
fn hello_to(what: &str) -> Vec<u8> {
    hello::records(&hello::message(&format!("{what}.s{}.example", process::id())), 16_000)
}

/// Waits until each of this test's names was heard so often, and no other.
fn are_heard(home: &Home, direction: &str, expected: &[(&str, usize)]) {
    let of_test = format!(".s{}.example", process::id());
    let expected: BTreeMap<_, _> = expected.iter().map(|(name, n)| ((*name).into(), *n)).collect();
    wait_for("the names", SOON, || {
        let mut heard = BTreeMap::<String, usize>::new();
        for row in home.host_events().into_iter().filter(|row| row["direction"] == direction) {
            let name = row["host"].as_str().and_then(|host| host.strip_suffix(&of_test));
            *heard.entry(name.unwrap_or_default().to_owned()).or_default() += 1;
        }
        heard.remove("");
        equal(heard, &expected).map(drop)
    });
}

/// Why the agent has given up flows, where it has.
fn gave_up(agent: &Agent<'_>) -> BTreeMap<String, u64> {
    let mut reasons = agent.status().agent.lost.host_flow_reasons;
    reasons.retain(|_, count| *count > 0);
    reasons
}

/// A way to send a hello; the other one is in the way.
type Way = fn(&Connection<'_>, &[u8], &[u8]);

const HALF: usize = 700;

/// By the name that is to be heard; with the sequence number of the first byte.
const READ: [(&str, u32, Way); 6] = [
    ("whole", 1, |to, hello, _| to.send(0, hello)),
    ("twice", 1, |to, hello, _| {
        for at in [0, 0, HALF, HALF] {
            to.send(at, &hello[at..hello.len().min(at + HALF)]);
        }
    }),
    ("wraps", u32::MAX - 300, |to, hello, _| {
        to.send(0, &hello[..HALF]);
        to.send(HALF, &hello[HALF..]);
    }),
    // The first to come counts, for the server as for its watcher.
    ("first", 1, |to, hello, other| {
        to.send(0, &hello[..HALF]);
        to.send(0, &other[..HALF]);
        to.send(HALF - 50, &[&[b'x'; 50], &hello[HALF..]].concat());
    }),
    ("overtaken", 1, |to, hello, _| {
        to.send(hello.len(), b"what comes after it");
        to.send(0, hello);
    }),
    ("swapped-and-sent-again", 1, |to, hello, _| {
        to.send(HALF, &hello[HALF..]);
        to.send(0, &hello[..HALF]);
        to.send(HALF, &hello[HALF..]);
    }),
];

#[test]
fn what_comes_twice_or_too_early_is_read_once_and_right() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let wire = Wire::new();
    for (port, (name, first, send)) in (2000..).zip(READ) {
        send(&wire.connect(port, first), &hello_to(name), &hello_to("other"));
    }
    let names: Vec<_> = READ.iter().map(|(name, ..)| (*name, 1)).collect();
    are_heard(&home, "ingress", &names);
    assert_eq!(gave_up(&agent), BTreeMap::new());

    // What is missing is not waited for for ever.
    let (late, hello) = (wire.connect(3000, 1), hello_to("late"));
    late.send(0, &hello[..HALF]);
    for at in (HALF + 10..).take(9) {
        late.send(at, &hello[at..=at]);
    }
    late.send(HALF, &hello[HALF..]);
    wait_for("the gap", SOON, || equal(gave_up(&agent), &[("gap".into(), 1)].into()).map(drop));
    are_heard(&home, "ingress", &names);
}

#[test]
fn what_comes_within_the_handshake_is_read() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let wire = Wire::new();
    let hello = hello_to("with-its-last-packet");
    wire.open(2000, u32::MAX - 2, &[]).send(0, &hello);
    let (begun, hello) = (wire.open(2001, 1, &[]), hello_to("begun-with-it"));
    begun.send(0, &hello[..HALF]);
    begun.send(HALF, &hello[HALF..]);
    // This server takes nothing on the SYN, so its clients say it again.
    let hello = hello_to("on-the-syn");
    wire.open(2002, 1, &hello).send(0, &hello);
    let (begun, hello) = (wire.open(2003, 1, &hello_to("other")[..HALF]), hello_to("begun-on-it"));
    begun.send(0, &[]);
    begun.send(0, &hello);
    let once = ["with-its-last-packet", "begun-with-it", "begun-on-it"].map(|name| (name, 1));
    are_heard(&home, "ingress", &[&once[..], &[("on-the-syn", 2)]].concat());
    assert_eq!(gave_up(&agent), BTreeMap::new());
}

/// Says `bytes`, as many as it takes with the SYN.
fn say_on_syn(to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    setsockopt(&socket, TcpFastOpenConnect, &true)?;
    socket.connect(&to.into())?;
    TcpStream::from(socket).write_all(bytes)
}

#[test]
fn a_hello_on_the_syn_is_read_at_both_ends() {
    let _machine = Machine::take();
    let home = Home::new("");
    let agent = Agent::start(&home);
    let netns = Namespace::new("early");
    // Sent and taken by every socket, without a cookie (ip-sysctl, `tcp_fastopen`).
    netns.exec(&["sysctl", "-qw", "net.ipv4.tcp_fastopen=1543"]);
    // One listener: it goes on to be heard.
    let to = netns.within(|| visit::server(Ipv4Addr::LOCALHOST.into()));
    netns.within(|| say_on_syn(to, &hello_to("one")).unwrap());
    netns.within(|| say_on_syn(to, &hello_to("two")).unwrap());
    // Longer than a segment.
    netns.ip(&["link", "set", "lo", "mtu", "1000"]);
    netns.within(|| say_on_syn(to, &hello_to("three")).unwrap());
    for direction in ["egress", "ingress"] {
        are_heard(&home, direction, &[("one", 1), ("two", 1), ("three", 1)]);
    }
    assert_eq!(gave_up(&agent), BTreeMap::new());
    let accepted = netns.exec(&["nstat", "-asz", "TcpExtTCPFastOpenPassive"]);
    assert!(accepted.contains("TcpExtTCPFastOpenPassive        3 "), "{accepted}");
}
