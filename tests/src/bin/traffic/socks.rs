//! A client of a SOCKS5 server (RFC 1928).

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use vpnmon_tests::order::Exchange;

use crate::tcp;

/// Version 5, one method: no authentication.
const HELLO: [u8; 3] = [5, 1, 0];
/// Version 5, connect, reserved, an IPv4 address.
const CONNECT: [u8; 4] = [5, 1, 0, 1];

pub fn connect(proxy: SocketAddr, to: SocketAddr, exchange: Exchange) -> io::Result<()> {
    let mut stream = tcp::open(proxy)?;
    stream.write_all(&HELLO)?;
    expect(&mut stream, [5, 0])?;
    let SocketAddr::V4(to) = to else { return Err(io::Error::other("IPv4 only")) };
    let request = [&CONNECT[..], &to.ip().octets(), &to.port().to_be_bytes()].concat();
    stream.write_all(&request)?;
    // The server's own address follows, which ssh says is 0.0.0.0:0.
    expect(&mut stream, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    tcp::talk(&stream, exchange)
}

fn expect<const N: usize>(stream: &mut TcpStream, expected: [u8; N]) -> io::Result<()> {
    let mut got = [0; N];
    stream.read_exact(&mut got)?;
    if got == expected { Ok(()) } else { Err(io::Error::other(format!("SOCKS said {got:?}"))) }
}
