//! What the programs have read of host names.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::Ordering::Relaxed,
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Map, MapData, RingBuf, Stack},
};
use vpnmon_common::{
    host::{Datagram, HostMemory, SCRATCHES, Sight, count},
    interface::Address,
    names::{FREE_SCRATCHES, HOST_COUNTS, HOST_DATAGRAMS, HOST_NAMES, HOST_SWITCH},
    wire::hosts::Ended,
};

use super::{mapped::MappedWords, object::writable};
use crate::{
    event::{Heard, Said},
    model::sighting::Direction,
};

/// Records taken of a ring in one drain; what is left waits for the next.
const MAX_RECORDS: usize = 4096;

/// The rings, the counters of what was lost, and the switch.
pub struct Hosts {
    names: RingBuf<MapData>,
    datagrams: RingBuf<MapData>,
    counts: MappedWords,
    switch: MappedWords,
}

/// What could not be heard, since the programs were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unheard {
    /// Flows that were given up with a name in them, perhaps: of each reason how many, always in the
    /// same order.
    pub flows: Vec<(&'static str, u64)>,
    /// Records that found no room.
    pub records: u64,
    /// Datagrams that were too long to send.
    pub too_long: u64,
    /// Records that their source had told too many of.
    pub rate_limited: u64,
}

impl Hosts {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self> {
        let mut ring = |name| Ok::<_, anyhow::Error>(RingBuf::try_from(map(ebpf, name)?)?);
        let (names, datagrams) = (ring(HOST_NAMES)?, ring(HOST_DATAGRAMS)?);
        let mut free: Stack<_, u32> = Stack::try_from(map(ebpf, FREE_SCRATCHES)?)?;
        for scratch in 0..SCRATCHES {
            free.push(scratch, 0)?;
        }
        let counts = writable(ebpf, HOST_COUNTS, count::ALL as usize)?;
        Ok(Self { names, datagrams, counts, switch: writable(ebpf, HOST_SWITCH, 1)? })
    }

    /// Has the programs read names, or not.
    pub fn set_on(&self, is_on: bool) {
        if let Some(switch) = self.switch.first() {
            switch.store(u64::from(is_on), Relaxed);
        }
    }

    /// Takes what has come.
    pub fn drain(&mut self, heard: &mut Vec<Heard>) {
        heard.clear();
        for _ in 0..MAX_RECORDS {
            let Some(record) = self.names.next() else { break };
            let named = HostMemory::decode(&record);
            let named = named.map(|(sight, names)| (sight, Said::Names(Box::new(names))));
            heard.extend(named.map(|(sight, said)| self::heard(sight, said)));
        }
        for _ in 0..MAX_RECORDS {
            let Some(record) = self.datagrams.next() else { break };
            let datagram = Datagram::decode(&record);
            heard.extend(datagram.and_then(|(sight, payload)| {
                let payload = payload.to_vec();
                match sight.kind {
                    Datagram::QUIC => Some(self::heard(sight, Said::Quic(payload))),
                    Datagram::DNS => Some(self::heard(sight, Said::Dns(payload))),
                    _ => None,
                }
            }));
        }
    }

    /// What could not be heard.
    pub fn unheard(&self) -> Unheard {
        let count = |index: u32| {
            let word = usize::try_from(index).ok().and_then(|index| self.counts.get(index));
            word.map_or(0, |word| word.load(Relaxed))
        };
        let losses = Ended::ALL.into_iter().filter(|ended| ended.is_loss());
        let read_in_part = losses.map(|ended| (ended.word(), ended as u32));
        let unread = [("no-memory", count::NO_MEMORY), ("fragment", count::FRAGMENT)];
        let reasons = read_in_part.chain(unread);
        Unheard {
            flows: reasons.map(|(reason, index)| (reason, count(index))).collect(),
            records: count(count::RING_FULL),
            too_long: count(count::TOO_LONG),
            rate_limited: count(count::RATE_LIMIT),
        }
    }
}

fn map(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).with_context(|| format!("no map {name} in the object"))
}

fn heard(sight: Sight, said: Said) -> Heard {
    // Ports are 16 bits on the wire.
    let end = |address, port| SocketAddr::new(ip(address), u16::try_from(port).unwrap_or_default());
    Heard {
        slot: sight.slot,
        at_ns: sight.at_ns,
        direction: match sight.direction {
            Sight::EGRESS => Direction::Egress,
            Sight::INGRESS => Direction::Ingress,
            _ => Direction::Forward,
        },
        flow: sight.flow,
        source: end(sight.source, sight.source_port),
        dest: end(sight.destination, sight.destination_port),
        said,
    }
}

fn ip(address: Address) -> IpAddr {
    let mut bytes = [0; 16];
    for (word, into) in address.iter().zip(bytes.chunks_exact_mut(4)) {
        into.copy_from_slice(&word.to_ne_bytes());
    }
    IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
}

impl std::fmt::Debug for Hosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hosts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_addresses() {
        let v4 = vpnmon_common::interface::mapped(u32::from_ne_bytes([10, 8, 0, 2]));
        assert_eq!(ip(v4), IpAddr::from([10, 8, 0, 2]));
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(ip(vpnmon_common::interface::address(v6.octets())), IpAddr::from(v6));
    }
}
