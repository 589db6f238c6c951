//! A VPN server, its client and the internet: three namespaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    agent::Agent,
    home::Home,
    link::{DEVICE, Link, statistics},
    namespace::Namespace,
    nft::{self, Count, NftWire},
    order::{Order, Place, Role},
    process::{Process, outcome},
    wait::{SOON, wait_for},
};

/// Name of the tunnel's device at both ends.
pub const TUNNEL: &str = "vpn0";

/// Rules of the counters by address; what is left is neighbour discovery and the like.
const ADDRESSES: [(&str, &str); 6] = [
    ("v4", "ip saddr 10.8.0.2"),
    ("v4", "ip daddr 10.8.0.2"),
    ("v6", "ip6 saddr fd00:8::2"),
    ("v6", "ip6 daddr fd00:8::2"),
    ("stranger", "ip saddr 10.77.0.1"),
    ("local", "meta protocol { ip, ip6 }"),
];

/// `link.near` is the server: it forwards, and translates what leaves over the wire. `client` has
/// 10.8.0.2 and fd00:8::2 in the tunnel, the server 10.8.0.1 and fd00:8::1; `link.far` is the
/// internet and knows no way back to those.
#[derive(Debug)]
pub struct Gateway {
    /// Server and internet.
    pub link: Link,
    /// The client.
    pub client: Namespace,
    /// None while the tunnel is closed.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    from_client: NftWire,
    to_client: NftWire,
    _tunnel: Process,
}

impl Gateway {
    /// All up; the flows at `ports` are counted on the wire.
    #[must_use]
    pub fn new(ports: &[u16]) -> Self {
        let link = Link::new(1500, ports);
        let client = Namespace::new("client");
        for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            link.near.exec(&["sysctl", "-qw", setting]);
        }
        link.near.ip(&["route", "add", "default", "via", "10.9.0.2"]);
        link.near.ip(&["-6", "route", "add", "default", "via", "fd00:9::2"]);
        translate(&link.near);
        let mut gateway = Self { link, client, open: None };
        gateway.open_tunnel();
        gateway
    }

    /// Makes the tunnel, with counters at 0.
    pub fn open_tunnel(&mut self) {
        let (near, client) = (&self.link.near, &self.client);
        let tunnel = tunnel(near, client);
        let (from_client, to_client) = (count(near), count(client));
        for (end, last) in [(near, 1), (client, 2)] {
            up(end, TUNNEL, &format!("10.8.0.{last}/24"), &format!("fd00:8::{last}/64"));
        }
        client.ip(&["route", "add", "default", "via", "10.8.0.1"]);
        client.ip(&["-6", "route", "add", "default", "via", "fd00:8::1"]);
        self.open = Some(Open { from_client, to_client, _tunnel: tunnel });
    }

    /// Ends the tunnel: both devices and their counters are gone.
    pub fn close_tunnel(&mut self) {
        self.open = None;
        for end in [&self.link.near, &self.client] {
            wait_for("no device", SOON, || {
                let gone = outcome("ip", &["-n", &end.name, "link", "show", TUNNEL]).code != 0;
                if gone { Ok(()) } else { Err(format!("{TUNNEL} is there")) }
            });
        }
        // One is on the server's other device too; the table is of both.
        self.client.exec(&["nft", "flush", "ruleset"]);
        self.link.near.exec(&["nft", "delete", "table", "netdev", nft::TUNNEL_TABLE]);
    }

    fn opened(&self) -> &Open {
        self.open.as_ref().unwrap_or_else(|| panic!("the tunnel is closed"))
    }

    /// What the client has sent and received in the tunnel at `counter` (`v4`, `v6`), by counters at
    /// the ingress of either end.
    #[must_use]
    pub fn carried(&self, counter: &str) -> (Count, Count) {
        let Open { from_client, to_client, .. } = self.opened();
        (from_client.counts()[counter], to_client.counts()[counter])
    }

    /// Both ends' counters together equal their devices' statistics.
    pub fn adds_up(&self) {
        let Open { from_client, to_client, .. } = self.opened();
        for (end, nft) in [(&self.link.near, from_client), (&self.client, to_client)] {
            let all: Count = nft.counts().into_values().sum();
            // What came before the device was up is dropped, and in neither.
            assert_eq!(statistics(end, TUNNEL).0, all, "{TUNNEL} in {}", end.name);
        }
    }

    /// Starts the agent in the server's namespace.
    #[must_use]
    pub fn agent<'a>(&self, home: &'a Home) -> Agent<'a> {
        Agent::within(&self.link.near, home)
    }
}

/// Address of the client, or of the server, in the tunnel.
#[must_use]
pub fn tunnel_address(last: u16, v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0xfd00, 8, 0, 0, 0, 0, 0, last).into()
    } else {
        Ipv4Addr::new(10, 8, 0, u8::try_from(last).unwrap_or_default()).into()
    }
}

/// A listener of the internet, for the client.
#[must_use]
pub fn internet(port: u16, v6: bool) -> SocketAddr {
    SocketAddr::new(Link::far_address(v6), port)
}

/// A tun device in each namespace, and what passes packets between them.
#[must_use]
pub fn tunnel(near: &Namespace, client: &Namespace) -> Process {
    let ends = [near, client].map(|end| (end.name.clone(), TUNNEL.to_owned()));
    let mut tunnel = Order::new(Place::default(), Role::Tunnel { ends }).start();
    assert_eq!(tunnel.line(SOON), "ready");
    tunnel
}

/// Gives a device its addresses, and a queue that drops nothing.
pub fn up(end: &Namespace, device: &str, v4: &str, v6: &str) {
    end.ip(&["addr", "add", v4, "dev", device]);
    end.ip(&["-6", "addr", "add", v6, "dev", device, "nodad"]);
    end.ip(&["link", "set", device, "txqueuelen", "10000", "up"]);
}

fn count(end: &Namespace) -> NftWire {
    NftWire::load_as(
        nft::TUNNEL_TABLE,
        end,
        TUNNEL,
        &ADDRESSES.map(|(name, it)| (name.to_owned(), it.to_owned())),
    )
}

fn translate(near: &Namespace) {
    for family in ["ip", "ip6"] {
        near.exec(&["nft", "add", "table", family, "nat"]);
        let chain = "{ type nat hook postrouting priority 100 ; }";
        near.exec(&["nft", "add", "chain", family, "nat", "post", chain]);
        let rule = ["nft", "add", "rule", family, "nat", "post", "oifname", DEVICE, "masquerade"];
        near.exec(&rule);
    }
}
