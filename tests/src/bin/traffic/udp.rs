//! UDP datagrams and their echoes.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

use crate::pace;

/// A lost datagram ends the program instead of hanging it.
const GIVE_UP: Duration = Duration::from_secs(10);

pub fn echo(at: SocketAddr, datagrams: u32) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    socket.set_read_timeout(Some(Duration::from_mins(1)))?;
    println!("port {}", socket.local_addr()?.port());
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..datagrams {
        let (len, sender) = received(&socket, &mut buffer)?;
        socket.send_to(&buffer[..len], sender)?;
    }
    Ok(())
}

/// A process that was stopped and goes on finds its wait for a socket with a timeout interrupted
/// (signal(7)).
fn received(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            received => return received,
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(GIVE_UP))?;
    Ok(socket)
}

pub fn say(to: SocketAddr, datagrams: &[Vec<u8>]) -> io::Result<()> {
    let socket = connect(to)?;
    for datagram in datagrams {
        socket.send(datagram)?;
        socket.recv(&mut [0])?;
    }
    Ok(())
}

pub fn send(to: SocketAddr, rounds: u32, sends: &[usize], segment: Option<u16>) -> io::Result<()> {
    let socket = connect(to)?;
    if let Some(size) = segment {
        setsockopt(&socket, sockopt::UdpGsoSegment, &i32::from(size))?;
    }
    let mut buffer = vec![0; 1 << 16];
    for round in 0..rounds {
        for len in sends {
            socket.send(&vec![0x5a; *len])?;
        }
        for _ in 0..datagrams(sends, segment) {
            socket.recv(&mut buffer)?;
        }
        pace::after_round(round);
    }
    Ok(())
}

/// Datagrams on the wire for one round.
fn datagrams(sends: &[usize], segment: Option<u16>) -> usize {
    sends.iter().map(|len| segment.map_or(1, |size| len.div_ceil(usize::from(size)))).sum()
}
