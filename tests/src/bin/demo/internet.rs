//! The server's network and all that is outside of it: clients, and hosts that are visited.

use std::{
    io::{self, Read, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
};

use vpnmon_tests::{
    namespace::Namespace,
    process::run,
    wait::{SOON, wait_for},
};

use crate::cast::{CAST, HOSTS, client_address};

/// Where the server is: TEST-NET-1.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GATEWAY: &str = "192.0.2.254";
/// Of hosts that speak TLS, and of those that do not.
pub const PORTS: [u16; 2] = [443, 80];
/// Most that is asked for at once.
const MOST: usize = 4 << 20;

/// Makes the server's network, with this one at the other end of its wire, and opens the hosts.
pub fn build() -> Namespace {
    let server = Namespace::new("server");
    let add = ["link", "add", "internet", "type", "veth", "peer", "name", "eth0", "netns"];
    run("ip", &[&add[..], &[&server.name]].concat());
    let clients = (0..CAST.len()).map(client_address);
    let hosts = HOSTS.iter().map(super::cast::Host::address);
    let addresses = clients.chain(hosts).map(|address| format!("{address}/32"));
    for address in addresses.chain([format!("{GATEWAY}/24")]) {
        run("ip", &["addr", "add", &address, "dev", "internet"]);
    }
    run("ip", &["link", "set", "lo", "up"]);
    run("ip", &["link", "set", "internet", "up"]);
    server.ip(&["addr", "add", &format!("{SERVER}/24"), "dev", "eth0"]);
    server.ip(&["link", "set", "eth0", "up"]);
    server.ip(&["route", "add", "default", "via", GATEWAY]);
    wait_for("the wire", SOON, || {
        let said = server.ip(&["link", "show", "eth0"]);
        if said.contains("state UP") { Ok(()) } else { Err(said) }
    });
    for port in PORTS {
        open(port);
    }
    server
}

fn open(port: u16) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    let listener = listener.unwrap_or_else(|e| panic!("no host at port {port}: {e}"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, port == PORTS[0]));
        }
    });
}

/// After the hello or the request: again and again two numbers, so many bytes, and so many back.
fn serve(mut stream: TcpStream, is_tls: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let skip = if is_tls { skip_record } else { skip_head };
    skip(&mut stream)?;
    let mut room = vec![0; MOST];
    loop {
        let mut numbers = [0; 8];
        stream.read_exact(&mut numbers)?;
        let [up, down] = [0, 4].map(|at| {
            let number = numbers[at..at + 4].try_into().unwrap_or_default();
            usize::try_from(u32::from_be_bytes(number)).unwrap_or(MOST).min(MOST)
        });
        stream.read_exact(&mut room[..up])?;
        stream.write_all(&room[..down])?;
    }
}

fn skip_record(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    stream.read_exact(&mut vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))])
}

fn skip_head(stream: &mut TcpStream) -> io::Result<()> {
    let (mut last, mut byte) = ([0; 4], [0]);
    while last != *b"\r\n\r\n" {
        stream.read_exact(&mut byte)?;
        last = [last[1], last[2], last[3], byte[0]];
    }
    Ok(())
}
