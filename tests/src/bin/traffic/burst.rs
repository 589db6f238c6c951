//! Datagrams as a QUIC stack sends them: many by one `sendmmsg`, cut by the kernel.

use std::{
    io::{self, IoSlice},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, setsockopt, sockopt,
};
use vpnmon_tests::order::Burst;

use crate::pace;

/// A lost datagram ends the program instead of hanging it.
const GIVE_UP: Duration = Duration::from_secs(10);
/// Most that a receive can return: what GRO has merged.
const MERGED: usize = 1 << 16;

pub fn answer(at: SocketAddr, bursts: u32, shape: Burst) -> io::Result<()> {
    let socket = open(at)?;
    println!("port {}", socket.local_addr()?.port());
    for number in 0..bursts {
        let from = receive(&socket, shape, number)?;
        send(&socket, from, shape, number)?;
    }
    Ok(())
}

pub fn ask(to: SocketAddr, bursts: u32, shape: Burst) -> io::Result<()> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = open(any)?;
    for number in 0..bursts {
        send(&socket, to, shape, number)?;
        receive(&socket, shape, number)?;
        pace::after_round(number);
    }
    Ok(())
}

fn open(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(at)?;
    socket.set_read_timeout(Some(GIVE_UP))?;
    // Takes several datagrams at once where the device merges them.
    setsockopt(&socket, sockopt::UdpGroSegment, &true)?;
    Ok(socket)
}

fn send(socket: &UdpSocket, to: SocketAddr, shape: Burst, number: u32) -> io::Result<()> {
    let message = vec![0x5a; shape.message(number)];
    let slices = vec![[IoSlice::new(&message)]; shape.messages];
    let addresses = vec![Some(SockaddrStorage::from(to)); shape.messages];
    let datagram = shape.datagram(number);
    let cut = [ControlMessage::UdpGsoSegments(&datagram)];
    let control = if shape.segments.is_some() { &cut[..] } else { &[] };
    let space = shape.segments.map(|_| nix::cmsg_space!(u16));
    let mut headers = MultiHeaders::preallocate(shape.messages, space);
    let (fd, none) = (socket.as_raw_fd(), MsgFlags::empty());
    let sent = sendmmsg(fd, &mut headers, &slices, addresses, control, none)?.count();
    if sent == shape.messages {
        Ok(())
    } else {
        Err(io::Error::other(format!("{sent} of {} messages sent", shape.messages)))
    }
}

fn receive(socket: &UdpSocket, shape: Burst, number: u32) -> io::Result<SocketAddr> {
    let mut buffer = vec![0; MERGED];
    let mut left = shape.message(number) * shape.messages;
    loop {
        let (len, from) = socket.recv_from(&mut buffer)?;
        left = left.checked_sub(len).ok_or_else(|| io::Error::other("more than a burst"))?;
        if left == 0 {
            return Ok(from);
        }
    }
}
