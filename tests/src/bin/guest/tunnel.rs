//! Two tunnels and the packets forwarded between them, each of a known size.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::Ipv4Addr,
};

use aya::programs::tc::qdisc_add_clsact;
use vpnmon_tests::{
    agent::Agent,
    status::Bytes,
    tun,
    wait::{SOON, equal, wait_for},
};

use crate::links;

const VPN: (&str, [u8; 4]) = ("vpn0", [10, 66, 0, 1]);
const WAN: (&str, [u8; 4]) = ("wan0", [10, 67, 0, 1]);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 67, 0, 9);
/// Bytes after the IP header of each packet of an exchange: what is asked, what is answered.
const ASKED: [usize; 4] = [8, 100, 1480, 37];
const ANSWERED: [usize; 3] = [1480, 1480, 9];
const IP_HEADER: usize = 20;

/// A client behind one tunnel, a server behind the other.
pub struct Tunnels {
    vpn: File,
    wan: File,
    /// What the client has moved.
    expected: Bytes,
}

impl Tunnels {
    /// Up, with addresses, and forwarding between them.
    pub fn new() -> Self {
        let open = |(name, address): (&str, [u8; 4])| {
            let file = tun::open(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            links::set_address(name, address.into());
            links::bring_up(name);
            file
        };
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap_or_else(|e| panic!("forward: {e}"));
        Self { vpn: open(VPN), wan: open(WAN), expected: Bytes::default() }
    }

    /// Waits until the agent meters both.
    pub fn are_metered(agent: &Agent<'_>) {
        wait_for("both tunnels in status", SOON, || {
            let names: Vec<_> = agent.status().interfaces.into_iter().map(|it| it.name).collect();
            equal(names, &[VPN.0, WAN.0].map(str::to_owned).to_vec())
        });
    }

    /// Packets both ways, all of which arrive.
    pub fn exchange(&mut self) {
        for _ in 0..10 {
            for len in ASKED {
                self.expected.up += pass(&self.vpn, &self.wan, CLIENT, SERVER, len);
            }
            for len in ANSWERED {
                self.expected.down += pass(&self.wan, &self.vpn, SERVER, CLIENT, len);
            }
        }
    }

    /// Waits until both ends' rows are at all of it, each seen from its own side.
    pub fn are_exact(&self, agent: &Agent<'_>) {
        let Bytes { up, down } = self.expected;
        agent.reaches_in("forward", &CLIENT.to_string(), self.expected);
        agent.reaches_in("forward", &SERVER.to_string(), Bytes { up: down, down: up });
    }

    /// Nothing of the agent's is left on them: a qdisc would be there already.
    pub fn are_free() {
        for (name, _) in [VPN, WAN] {
            qdisc_add_clsact(name).unwrap_or_else(|e| panic!("{name} still has a qdisc: {e}"));
        }
    }
}

/// Sends one packet and waits for it. Its size.
fn pass(mut from: &File, mut to: &File, source: Ipv4Addr, target: Ipv4Addr, len: usize) -> u64 {
    let packet = packet(source, target, len);
    from.write_all(&packet).unwrap_or_else(|e| panic!("cannot send {len} bytes: {e}"));
    let mut room = [0; 2048];
    wait_for("the packet on the other side", SOON, || {
        let read = to.read(&mut room).map_err(|e| e.to_string())?;
        // Neighbour discovery comes by too.
        let is_ours = read == packet.len() && room[12..20] == packet[12..20];
        if is_ours { Ok(()) } else { Err(format!("{read} bytes of something else")) }
    });
    packet.len() as u64
}

/// An IPv4 packet of a protocol for experiments (RFC 3692), so that nobody answers it.
fn packet(source: Ipv4Addr, target: Ipv4Addr, len: usize) -> Vec<u8> {
    const EXPERIMENT: u8 = 253;
    let [high, low] = u16::try_from(IP_HEADER + len).unwrap_or_default().to_be_bytes();
    let mut header = [0x45, 0, high, low, 0, 0, 0x40, 0, 64, EXPERIMENT, 0, 0].to_vec();
    header.extend(source.octets());
    header.extend(target.octets());
    let words = header.chunks_exact(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
    let sum: u32 = words.sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or_default();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header.resize(IP_HEADER + len, 0x5a);
    header
}
