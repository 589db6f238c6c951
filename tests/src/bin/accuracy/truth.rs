//! What really went over the wire, by means that share nothing but the wire.
//!
//! nft counts the kernel's buffers at the ingress hook; a packet socket reads what the IP headers
//! say; the device counts all it takes off the wire, whosever it is. All three must agree.

use vpnmon_tests::{
    link::{ETHERNET_HEADER, received},
    nft::{Count, NftWire},
};

use crate::{
    capture::{Capture, Tally},
    network::{End, Network},
    packet::Packets,
};

/// Counting at one place.
#[derive(Debug)]
struct Point {
    end: End,
    device: &'static str,
    nft: NftWire,
    capture: Option<Capture<Tally>>,
}

/// Counting until it is settled.
#[derive(Debug)]
pub struct Truth {
    points: Vec<Point>,
    kinds: Vec<Packets>,
    /// Where fewer packets must come through than are counted at the point of this number.
    fewer: Option<(usize, NftWire)>,
}

/// What both means have found.
#[derive(Debug)]
pub struct Settled {
    /// One for what users send, one for what they receive; the same one on loopback.
    points: Vec<(NftWire, Tally)>,
    /// Why this is not to be relied on.
    pub doubts: Vec<String>,
}

impl Truth {
    /// On a network that is still down, so that not one packet is missed.
    pub fn new(network: &Network, kinds: &[Packets]) -> Self {
        let rules = kinds
            .iter()
            .flat_map(|kind| kind.rules().into_iter().map(|rule| (kind.counter(), rule)));
        let rules: Vec<_> = rules.collect();
        let points = network.points().into_iter().map(|(end, device)| Point {
            end,
            device,
            nft: NftWire::load(network.at(end), device, &rules),
            capture: None,
        });
        let points = points.collect();
        let fewer = network.fewer_at().map(|(number, end)| {
            (number, NftWire::load(network.at(end), network.device(), &rules))
        });
        Self { points, kinds: kinds.to_vec(), fewer }
    }

    /// The second means, once the network is up.
    pub fn start(&mut self, network: &Network) {
        for point in &mut self.points {
            let (name, tally) = (&network.at(point.end).name, Tally::of(&self.kinds));
            point.capture = Some(Capture::start(name, point.device, tally));
        }
    }

    /// After the last packet.
    pub fn settle(self, network: &Network) -> Settled {
        let mut settled = Settled { points: Vec::new(), doubts: Vec::new() };
        if let Some((number, nft)) = self.fewer {
            let all = |nft: &NftWire| {
                let counts = nft.counts();
                self.kinds.iter().filter_map(|k| counts.get(&k.counter())).map(|c| c.packets).sum()
            };
            let (sent, arrived): (u64, u64) = (all(&self.points[number].nft), all(&nft));
            if arrived >= sent {
                settled
                    .doubts
                    .push(format!("{arrived} of {sent} packets arrived: none lost or merged"));
            }
        }
        for point in self.points {
            settled.doubts.extend(adds_up(&point, network).err());
            match point.capture.map(Capture::finish) {
                Some(Ok(tally)) => settled.points.push((point.nft, tally)),
                Some(Err(why)) => settled.doubts.push(why),
                None => settled.doubts.push("the capture was never started".to_owned()),
            }
        }
        settled
    }
}

/// Whether all counters together equal what the device has counted less the Ethernet headers.
fn adds_up(point: &Point, network: &Network) -> Result<(), String> {
    // Loopback counts without the header that it makes up (`loopback_xmit`).
    let header = if point.device == "lo" { 0 } else { ETHERNET_HEADER };
    let mut last = String::new();
    // Neighbour discovery may come between two readings: then the next ones tell.
    for _ in 0..20 {
        let device = received(network.at(point.end), point.device);
        let bytes = device.bytes - header * device.packets;
        let counted: Count = point.nft.counts().into_values().sum();
        if (counted.bytes, counted.packets) == (bytes, device.packets) {
            return Ok(());
        }
        last = format!("{}: nft {counted:?}, the device {device:?}", point.device);
    }
    Err(last)
}

impl Settled {
    /// What went up by the packets of `up`, and down by those of `down`.
    pub fn of(&mut self, up: &[Packets], down: &[Packets]) -> [Count; 2] {
        let last = self.points.len().saturating_sub(1);
        [self.at(0, up), self.at(last, down)]
    }

    fn at(&mut self, index: usize, kinds: &[Packets]) -> Count {
        let Some((nft, tally)) = self.points.get(index) else { return Count::default() };
        let counters = nft.counts();
        let counted: Count =
            kinds.iter().filter_map(|kind| counters.get(&kind.counter()).copied()).sum();
        let captured = tally.sum(kinds);
        if counted != captured {
            self.doubts.push(format!("nft {counted:?}, the capture {captured:?}"));
        }
        counted
    }
}
