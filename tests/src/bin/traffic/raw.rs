//! Raw sockets and packet sockets: what CAP_NET_RAW lets a user do.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::AsRawFd,
};

use nix::sys::{
    socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
        setsockopt, socket, sockopt,
    },
    time::{TimeVal, TimeValLike},
};
use vpnmon_tests::{segments::checksum, tap::Tap};

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
const UDP: u8 = 17;

pub fn ping(to: Ipv4Addr, packets: u16, payload: usize) -> io::Result<()> {
    let (family, icmp) = (AddressFamily::Inet, SockProtocol::Icmp);
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, icmp)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(10))?;
    let to = SockaddrIn::from(SocketAddrV4::new(to, 0));
    let mut buffer = vec![0; 1 << 16];
    for sequence in 0..packets {
        let mut request = vec![ECHO_REQUEST, 0, 0, 0, 0x56, 0x4d];
        request.extend(sequence.to_be_bytes());
        request.resize(8 + payload, 0x5a);
        let sum = checksum(&request);
        request[2..4].copy_from_slice(&sum.to_be_bytes());
        sendto(socket.as_raw_fd(), &request, &to, MsgFlags::empty())?;
        // A raw socket gets every ICMP message of the namespace, each from its IP header on.
        loop {
            let len = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            if is_reply(&buffer[..len], sequence) {
                break;
            }
        }
    }
    Ok(())
}

fn is_reply(packet: &[u8], sequence: u16) -> bool {
    let message = packet.first().and_then(|first| packet.get(usize::from(first & 0xf) * 4..));
    message.is_some_and(|message| {
        message.first() == Some(&ECHO_REPLY) && message.get(6..8) == Some(&sequence.to_be_bytes())
    })
}

pub fn frames(
    device: &str,
    from: SocketAddrV4,
    to: SocketAddrV4,
    packets: u32,
    payload: usize,
) -> io::Result<()> {
    let tap = Tap::open(device)?;
    let frame = [&ethernet(tap.address())[..], &packet(from, to, payload)].concat();
    (0..packets).try_for_each(|_| tap.send(&frame))
}

/// To everybody on the wire: then nobody complains about a port that is closed.
fn ethernet(from: [u8; 6]) -> [u8; 14] {
    let mut header = [0xff; 14];
    header[6..12].copy_from_slice(&from);
    header[12..].copy_from_slice(&[0x08, 0x00]);
    header
}

/// IPv4 and UDP, the latter without a checksum.
fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: usize) -> Vec<u8> {
    let length = |len: usize| u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length(20 + 8 + payload));
    packet.extend([0, 0, 0, 0, 64, UDP, 0, 0]);
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(length(8 + payload));
    packet.extend([0, 0]);
    packet.resize(20 + 8 + payload, 0x5a);
    packet
}
