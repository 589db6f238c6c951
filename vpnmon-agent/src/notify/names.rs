//! Addresses of a webhook's host, by `/etc/hosts` and the name servers of `/etc/resolv.conf`.
//!
//! The C library cannot be asked: the package holds a static glibc, which would load the name
//! services of whatever glibc the machine has. TLS says whether an answer was right.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use ring::rand::{SecureRandom as _, SystemRandom};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, TYPE, rdata::RData};

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// As the C library has it: servers asked, and how often.
const MAX_SERVERS: usize = 3;
const ROUNDS: usize = 2;
/// Between a question and the next server.
const PATIENCE: Duration = Duration::from_secs(2);
/// Largest answer looked at: a local resolver may send more than 512 bytes unasked.
const MAX_ANSWER: usize = 4096;

/// Addresses of `host`, IPv4 first, because a broken IPv6 is the more usual.
pub fn addresses(host: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches([']', '.']);
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let known = in_hosts(&fs::read_to_string(HOSTS).unwrap_or_default(), host);
    if !known.is_empty() {
        return Ok(known);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    ask(&servers(&fs::read_to_string(RESOLV_CONF).unwrap_or_default()), host, deadline)
}

/// What a text like `/etc/hosts` has of a name.
fn in_hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    });
    lines.collect()
}

/// The servers of a text like `/etc/resolv.conf`; this machine, where it names none.
fn servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        Some(SocketAddr::new(address.parse().ok()?, 53))
    });
    let named: Vec<_> = named.take(MAX_SERVERS).collect();
    if named.is_empty() { vec![(Ipv4Addr::LOCALHOST, 53).into()] } else { named }
}

fn ask(servers: &[SocketAddr], host: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let mut last = io::Error::new(io::ErrorKind::TimedOut, "no name server answers");
    for server in servers.iter().cycle().take(servers.len() * ROUNDS) {
        if Instant::now() >= deadline {
            break;
        }
        match ask_one(*server, host, deadline.min(Instant::now() + PATIENCE)) {
            Ok(found) if found.is_empty() => {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
            }
            Ok(found) => return Ok(found),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What one server says; empty where it says that there is nothing.
fn ask_one(server: SocketAddr, host: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    let mut open = Vec::new();
    for kind in [TYPE::A, TYPE::AAAA] {
        let id = random()?;
        socket.send(&question(id, host, kind)?)?;
        open.push(id);
    }
    let (mut found, mut buffer) = (Vec::new(), [0; MAX_ANSWER]);
    while !open.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        // One family is better than none.
        if left.is_zero() && !found.is_empty() {
            break;
        }
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let received = match socket.recv(&mut buffer) {
            Ok(length) => &buffer[..length],
            Err(_) if !found.is_empty() => break,
            Err(error) => return Err(error),
        };
        let Ok(packet) = Packet::parse(received) else { continue };
        let Some(at) = open.iter().position(|id| *id == packet.id()) else { continue };
        open.swap_remove(at);
        found.extend(packet.answers.iter().filter_map(|answer| match &answer.rdata {
            RData::A(it) => Some(IpAddr::from(Ipv4Addr::from(it.address))),
            RData::AAAA(it) => Some(IpAddr::from(Ipv6Addr::from(it.address))),
            _ => None,
        }));
    }
    found.sort_by_key(IpAddr::is_ipv6);
    Ok(found)
}

fn question(id: u16, host: &str, kind: TYPE) -> io::Result<Vec<u8>> {
    let wrong = |error: simple_dns::SimpleDnsError| io::Error::other(error.to_string());
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(host).map_err(wrong)?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(wrong)
}

/// An answer must have it, so that it is hard to make one up from afar.
fn random() -> io::Result<u16> {
    let mut bytes = [0; 2];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the kernel has no random numbers"))?;
    Ok(u16::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use simple_dns::{ResourceRecord, rdata};

    use super::*;

    #[test]
    fn reads_both_files() {
        let hosts = "127.0.0.1 localhost # x.y\n10.0.0.7\tother X.y\n::7 x.y\nnonsense x.y\n";
        let both: [IpAddr; 2] = ["10.0.0.7", "::7"].map(|it| it.parse().unwrap());
        assert_eq!(in_hosts(hosts, "x.y"), both);
        assert!(in_hosts(hosts, "y").is_empty());
        let conf =
            "# nameserver 1.1.1.1\nnameserver 10.0.0.1\nsearch a\nnameserver x\nnameserver ::1\n";
        let both: [SocketAddr; 2] = ["10.0.0.1:53", "[::1]:53"].map(|it| it.parse().unwrap());
        assert_eq!(servers(conf), both);
        assert_eq!(servers(""), [SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]);
    }

    /// Answers each question by `reply`; ends with the socket.
    fn server(reply: fn(&Packet<'_>) -> Vec<Vec<u8>>) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let at = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(asked) = Packet::parse(&buffer[..length]) else { return };
                for answer in reply(&asked) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        at
    }

    fn answered(asked: &Packet<'_>, id: u16) -> Vec<u8> {
        let mut packet = Packet::new_reply(id);
        let question = asked.questions[0].clone();
        let rdata = match question.qtype {
            QTYPE::TYPE(TYPE::A) => RData::A(rdata::A { address: 0x0a00_0001 }),
            _ => RData::AAAA(rdata::AAAA { address: 1 }),
        };
        packet.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 1, rdata));
        packet.questions.push(question);
        packet.build_bytes_vec().unwrap()
    }

    fn looked_up(servers: &[SocketAddr], patience: Duration) -> io::Result<Vec<IpAddr>> {
        ask(servers, "hook.example", Instant::now() + patience)
    }

    #[test]
    fn takes_the_answers_to_its_questions_and_no_others() {
        let at = server(|asked| {
            let junk = vec![vec![0xff; 40], answered(asked, asked.id().wrapping_add(1))];
            [junk, vec![answered(asked, asked.id())]].concat()
        });
        let expected: Vec<IpAddr> = ["10.0.0.1", "::1"].map(|it| it.parse().unwrap()).into();
        assert_eq!(looked_up(&[at], Duration::from_secs(10)).unwrap(), expected);
    }

    #[test]
    fn goes_on_to_the_next_server_and_ends_in_time() {
        let silent = server(|_| Vec::new());
        let good = server(|asked| vec![answered(asked, asked.id())]);
        assert_eq!(looked_up(&[silent, good], Duration::from_secs(20)).unwrap().len(), 2);
        let began = Instant::now();
        looked_up(&[silent], Duration::from_millis(200)).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10));
        let none = server(|asked| vec![Packet::new_reply(asked.id()).build_bytes_vec().unwrap()]);
        let error = looked_up(&[none, good], Duration::from_secs(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
