//! Two namespaces and the wire between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::{
    namespace::Namespace,
    nft::{Count, NftWire, OTHER},
    process::run,
    wait::{SOON, equal, wait_for},
};

/// Bytes of an Ethernet header, which interface statistics count.
pub const ETHERNET_HEADER: u64 = 14;

/// `near` is where the metered users are, `far` where they connect to. A veth joins them whose
/// devices segment nothing, so that every packet on it is one a real wire would carry.
#[derive(Debug)]
pub struct Link {
    /// 10.9.0.1, fd00:9::1.
    pub near: Namespace,
    /// 10.9.0.2, fd00:9::2.
    pub far: Namespace,
    to_near: NftWire,
    to_far: NftWire,
}

/// Device name at both ends.
pub const DEVICE: &str = "wire0";

/// Features that would let super-packets onto the veth, or merge what comes off it.
const OFFLOADS: [&str; 4] = ["tso", "gso", "gro", "tx-udp-segmentation"];

impl Link {
    /// Both namespaces, addressed and up; the flows at `ports` are counted, each by itself.
    #[must_use]
    pub fn new(mtu: u32, ports: &[u16]) -> Self {
        let (near, far) = (Namespace::new("near"), Namespace::new("far"));
        let add = ["link", "add", DEVICE, "netns", &near.name, "type", "veth"];
        run("ip", &[&add[..], &["peer", "name", DEVICE, "netns", &far.name]].concat());
        // Before the link is up, so that not one packet is missed.
        let (to_near, to_far) = (count(&near, ports), count(&far, ports));
        let link = Self { near, far, to_near, to_far };
        for (end, last) in [(&link.near, 1), (&link.far, 2)] {
            for feature in OFFLOADS {
                end.exec(&["ethtool", "-K", DEVICE, feature, "off"]);
            }
            let (v4, v6) = (format!("10.9.0.{last}/24"), format!("fd00:9::{last}/64"));
            end.ip(&["addr", "add", &v4, "dev", DEVICE]);
            end.ip(&["-6", "addr", "add", &v6, "dev", DEVICE, "nodad"]);
            end.ip(&["link", "set", DEVICE, "mtu", &mtu.to_string(), "up"]);
        }
        wait_for("both ends up", SOON, || {
            let up = |end: &Namespace| end.ip(&["link", "show", DEVICE]).contains("state UP");
            if up(&link.near) && up(&link.far) { Ok(()) } else { Err("down".to_owned()) }
        });
        link
    }

    /// Address of the far end.
    #[must_use]
    pub fn far_address(v6: bool) -> IpAddr {
        if v6 {
            Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 2).into()
        } else {
            Ipv4Addr::new(10, 9, 0, 2).into()
        }
    }

    /// Address of the near end.
    #[must_use]
    pub fn near_address(v6: bool) -> IpAddr {
        if v6 {
            Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 1).into()
        } else {
            Ipv4Addr::new(10, 9, 0, 1).into()
        }
    }

    /// What `end` has received, by the device's own statistics; nothing may have been dropped.
    #[must_use]
    pub fn received(end: &Namespace) -> Count {
        received(end, DEVICE)
    }

    /// What the flow at `port` has sent to the far end, and what has come back.
    #[must_use]
    pub fn flow(&self, port: u16) -> (Count, Count) {
        (self.to_far.counts()[&counter(port)], self.to_near.counts()[&counter(port)])
    }

    /// Everything that is no flow: ARP, neighbour discovery.
    #[must_use]
    pub fn other(&self) -> (Count, Count) {
        (self.to_far.counts()[OTHER], self.to_near.counts()[OTHER])
    }

    /// All counters of each end together equal the device's statistics less the Ethernet headers.
    pub fn adds_up(&self) {
        for (end, nft) in [(&self.far, &self.to_far), (&self.near, &self.to_near)] {
            wait_for("counters that add up to the device's statistics", SOON, || {
                let device = Self::received(end);
                let ip = Count { bytes: device.bytes - ETHERNET_HEADER * device.packets, ..device };
                equal(nft.counts().into_values().sum(), &ip)
            });
        }
    }
}

/// What `device` has received, by its own statistics; nothing may have been dropped.
#[must_use]
pub fn received(end: &Namespace, device: &str) -> Count {
    let (count, dropped) = statistics(end, device);
    assert_eq!(dropped, (0, 0), "{device} dropped packets, received and to be sent");
    count
}

/// What `device` has received, and what it has dropped of both ways.
#[must_use]
pub fn statistics(end: &Namespace, device: &str) -> (Count, (u64, u64)) {
    let text = end.ip(&["-s", "-j", "link", "show", "dev", device]);
    let links: Vec<Listed> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("ip: {e}: {text}"));
    let stats = &links.first().unwrap_or_else(|| panic!("no {device}: {text}")).stats64;
    let count = Count { bytes: stats.rx.bytes, packets: stats.rx.packets };
    (count, (stats.rx.dropped, stats.tx.dropped))
}

/// Counts by port what `end` receives.
fn count(end: &Namespace, ports: &[u16]) -> NftWire {
    let rules = ports.iter().flat_map(|port| {
        ["sport", "dport"]
            .map(|side| (counter(*port), format!("meta l4proto {{ tcp, udp }} th {side} {port}")))
    });
    NftWire::load(end, DEVICE, &rules.collect::<Vec<_>>())
}

/// Name of the counter of a port.
fn counter(port: u16) -> String {
    format!("port{port}")
}

#[derive(Deserialize)]
struct Listed {
    stats64: Statistics,
}

#[derive(Deserialize)]
struct Statistics {
    rx: Way,
    tx: Way,
}

#[derive(Deserialize)]
struct Way {
    bytes: u64,
    packets: u64,
    dropped: u64,
}
