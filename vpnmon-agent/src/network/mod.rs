//! Interfaces, routes and prefixes, and which of them matter to the tc programs: words and logic
//! without I/O.

mod layout;
mod names;
mod prefix;

pub use self::{
    layout::{Interface, Layout, layout},
    names::{Names, OTHER, is_usable},
    prefix::Prefix,
};

/// What the kernel says of this network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its interfaces that are up.
    pub links: Vec<Link>,
    /// Its routes that name an interface.
    pub routes: Vec<Route>,
}

impl Network {
    /// Whether there is an interface that clients may be behind.
    pub fn has_tunnels(&self) -> bool {
        self.links.iter().any(|link| link.kind.is_tunnel())
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index; another interface of the same name has another one.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What is on it.
    pub kind: LinkKind,
}

/// What is on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Ethernet frames of a real or virtual network.
    Ethernet,
    /// Ethernet frames of a tunnel (tap).
    EthernetTunnel,
    /// IP packets of a tunnel: tun, WireGuard, PPP, GRE and the like.
    IpTunnel,
    /// Loopback, and what nobody sends IP over.
    Other,
}

impl LinkKind {
    const fn is_tunnel(self) -> bool {
        matches!(self, Self::EthernetTunnel | Self::IpTunnel)
    }

    /// Bytes before the IP header.
    const fn header_len(self) -> u8 {
        match self {
            Self::Ethernet | Self::EthernetTunnel => 14,
            Self::IpTunnel | Self::Other => 0,
        }
    }
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub to: Prefix,
    /// Index of the interface.
    pub interface: u32,
    /// Whether packets stay on this machine: its addresses, broadcast, multicast.
    pub is_local: bool,
}
