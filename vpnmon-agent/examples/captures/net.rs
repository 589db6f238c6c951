//! From the link to the payload.

use std::net::{IpAddr, SocketAddr};

/// Where a packet goes from and to.
pub type Path = (SocketAddr, SocketAddr);

/// What a packet carries.
pub enum Carried<'a> {
    Tcp { path: Path, seq: u32, syn: bool, payload: &'a [u8] },
    Udp { path: Path, payload: &'a [u8] },
}

/// The TCP segment or UDP datagram in a frame of a link.
pub fn carried(link: u32, frame: &[u8]) -> Option<Carried<'_>> {
    match link {
        1 => ethernet(frame),
        // Raw IP.
        12 | 14 | 101 | 228 | 229 => ip(frame),
        // BSD loopback; Linux cooked, versions 1 and 2.
        0 | 108 => ip(frame.get(4..)?),
        113 => ip(frame.get(16..)?),
        276 => ip(frame.get(20..)?),
        _ => None,
    }
}

fn ethernet(frame: &[u8]) -> Option<Carried<'_>> {
    let mut at = 12;
    loop {
        match *frame.get(at..)?.first_chunk::<2>()? {
            [0x81, 0] | [0x88, 0xa8] => at += 4,
            [0x08, 0] | [0x86, 0xdd] => return ip(frame.get(at + 2..)?),
            // PPPoE.
            [0x88, 0x64] => return ip(frame.get(at + 10..)?),
            _ => return None,
        }
    }
}

fn ip(packet: &[u8]) -> Option<Carried<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Carried<'_>> {
    let header_len = usize::from(packet[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes(*packet.get(2..)?.first_chunk()?));
    let fragment = u16::from_be_bytes(*packet.get(6..)?.first_chunk()?) & 0x3fff;
    let address = |at: usize| Some(IpAddr::from(*packet.get(at..)?.first_chunk::<4>()?));
    // A length of 0 is that of a buffer that was captured before it was cut.
    let end = if total == 0 { packet.len() } else { total.min(packet.len()) };
    if fragment != 0 {
        return None;
    }
    transport(packet[9], (address(12)?, address(16)?), packet.get(header_len..end)?)
}

fn ipv6(packet: &[u8]) -> Option<Carried<'_>> {
    let total = usize::from(u16::from_be_bytes(*packet.get(4..)?.first_chunk()?));
    let address = |at: usize| Some(IpAddr::from(*packet.get(at..)?.first_chunk::<16>()?));
    let mut payload = packet.get(40..packet.len().min(40 + total))?;
    let mut next = packet[6];
    while matches!(next, 0 | 43 | 60) {
        next = *payload.first()?;
        payload = payload.get((usize::from(*payload.get(1)?) + 1) * 8..)?;
    }
    transport(next, (address(8)?, address(24)?), payload)
}

fn transport(protocol: u8, (from, to): (IpAddr, IpAddr), bytes: &[u8]) -> Option<Carried<'_>> {
    let port = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let path = (SocketAddr::new(from, port(0)?), SocketAddr::new(to, port(2)?));
    match protocol {
        6 => Some(Carried::Tcp {
            path,
            seq: u32::from_be_bytes(*bytes.get(4..)?.first_chunk()?),
            syn: bytes.get(13)? & 2 != 0,
            payload: bytes.get(usize::from(bytes.get(12)? >> 4) * 4..)?,
        }),
        17 => Some(Carried::Udp { path, payload: bytes.get(8..)? }),
        _ => None,
    }
}
