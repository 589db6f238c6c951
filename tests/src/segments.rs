//! TCP segments made by hand: what comes twice, too early, or over what has come before. No socket
//! sends that when it is told to.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

use crate::{
    namespace::Namespace,
    tun, visit,
    wait::{SOON, wait_for},
};

const DEVICE: &str = "wire";
const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const TCP: u8 = 6;
const HEADER_WORDS: u8 = 5;
const IP_HEADER: usize = 20;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A server in a namespace, and the wire that leads to it.
#[derive(Debug)]
pub struct Wire {
    _netns: Namespace,
    file: File,
    /// Hears all and says nothing.
    pub server: SocketAddrV4,
}

impl Wire {
    /// In a namespace of its own.
    #[must_use]
    pub fn new() -> Self {
        let netns = Namespace::new("wire");
        let (file, server) = netns.within(|| {
            let file = tun::open(DEVICE).unwrap_or_else(|e| panic!("{DEVICE}: {e}"));
            netns.ip(&["addr", "add", &format!("{HERE}/24"), "dev", DEVICE]);
            netns.ip(&["link", "set", DEVICE, "up"]);
            (file, visit::server(HERE.into()))
        });
        let SocketAddr::V4(server) = server else { panic!("{server}") };
        Self { _netns: netns, file, server }
    }

    /// Opens a connection from `port` whose first byte has sequence number `first`.
    #[must_use]
    pub fn connect(&self, port: u16, first: u32) -> Connection<'_> {
        let connection = self.open(port, first, &[]);
        connection.send(0, &[]);
        connection
    }

    /// The same, where the first segment is still to end the handshake. `early` is said on the SYN
    /// (RFC 9293 section 3.4: nobody has to take it before the handshake is over).
    #[must_use]
    pub fn open(&self, port: u16, first: u32, early: &[u8]) -> Connection<'_> {
        let mut connection = Connection { wire: self, port, first, acknowledged: 0 };
        connection.put(SYN, first.wrapping_sub(1), early);
        connection.acknowledged = wait_for("the SYN-ACK", SOON, || self.answer(port));
        connection
    }

    /// The number after that of the SYN-ACK sent to `port`.
    fn answer(&self, port: u16) -> Result<u32, String> {
        let mut buffer = [0; 2048];
        loop {
            let len = (&self.file).read(&mut buffer).map_err(|e| e.to_string())?;
            let Some(tcp) = buffer[..len].get(IP_HEADER..).filter(|tcp| tcp.len() >= 20) else {
                continue;
            };
            let is_it = buffer[0] == 0x45
                && buffer[9] == TCP
                && tcp[2..4] == port.to_be_bytes()
                && tcp[13] & (SYN | ACK) == SYN | ACK;
            if is_it {
                return Ok(u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(1));
            }
        }
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}

/// An end of a connection that sends what it is told to, and never closes.
#[derive(Debug)]
pub struct Connection<'a> {
    wire: &'a Wire,
    port: u16,
    first: u32,
    acknowledged: u32,
}

impl Connection<'_> {
    /// Sends a segment whose first byte is the one at `at` of the stream.
    pub fn send(&self, at: usize, bytes: &[u8]) {
        let at = u32::try_from(at).unwrap_or_else(|e| panic!("{at}: {e}"));
        self.put(ACK, self.first.wrapping_add(at), bytes);
    }

    fn put(&self, flags: u8, seq: u32, payload: &[u8]) {
        let mut tcp =
            [&self.port.to_be_bytes()[..], &self.wire.server.port().to_be_bytes()].concat();
        tcp.extend(seq.to_be_bytes());
        tcp.extend(self.acknowledged.to_be_bytes());
        tcp.extend([HEADER_WORDS << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let sum = checksum(&[&pseudo_header(tcp.len())[..], &tcp].concat());
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        let packet = [&ip_header(tcp.len())[..], &tcp].concat();
        (&self.wire.file).write_all(&packet).unwrap_or_else(|e| panic!("{DEVICE}: {e}"));
    }
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

fn ip_header(payload_len: usize) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(length(IP_HEADER + payload_len));
    header.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
    header.extend([THERE.octets(), HERE.octets()].concat());
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// RFC 9293 section 3.1.
fn pseudo_header(tcp_len: usize) -> Vec<u8> {
    [&THERE.octets()[..], &HERE.octets(), &[0, TCP], &length(tcp_len)].concat()
}

/// The Internet's checksum (RFC 1071).
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| [pair[0], pair.get(1).copied().unwrap_or(0)]);
    let sum: u64 = words.map(|pair| u64::from(u16::from_be_bytes(pair))).sum();
    // One's complement: the carries come back in, 0xffff standing for 0.
    !u16::try_from(sum % 0xffff).unwrap_or_default()
}
