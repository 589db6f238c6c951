//! TCP over several paths (RFC 8684, kernel 5.6).

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
};

use socket2::{Domain, Protocol, Socket, Type};
use vpnmon_tests::order::Exchange;

use crate::tcp;

/// `IPPROTO_MPTCP`.
const MPTCP: i32 = 262;

pub fn listen(at: SocketAddr, exchange: Exchange) -> io::Result<()> {
    let listener = listener(at)?;
    println!("port {}", listener.local_addr()?.port());
    tcp::talk(&listener.accept()?.0, exchange)
}

/// Its clients may know nothing of MPTCP.
pub fn listener(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(at)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

pub fn connect(to: SocketAddr, exchange: Exchange) -> io::Result<()> {
    let socket = socket(to)?;
    socket.connect(&to.into())?;
    tcp::talk(&TcpStream::from(socket), exchange)
}

fn socket(of: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(of), Type::STREAM, Some(Protocol::from(MPTCP)))
}
