//! Which interfaces are metered, and whose addresses are behind them.

use std::collections::BTreeSet;

use super::{Link, LinkKind, Network, Prefix};

/// What the tc programs are to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The metered interfaces, by index.
    pub interfaces: Vec<Interface>,
    /// Where packets stay on this machine.
    pub local: BTreeSet<Prefix>,
    /// UDP ports that tunnels of the kernel's own are carried over.
    pub carriers: BTreeSet<u16>,
}

/// A metered interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Bytes before the IP header.
    pub link_header: u8,
    /// The networks of the clients behind it; `None` where it leads to the internet, or to
    /// nobody in particular.
    pub clients: Option<BTreeSet<Prefix>>,
}

/// What is local wherever the kernel does not list it: limited broadcast and multicast.
const ALWAYS_LOCAL: [&str; 4] = ["255.255.255.255", "224.0.0.0/4", "ff00::/8", "fe80::/10"];

/// Chooses the interfaces: those `named`, else those with a default route, and tunnels. Clients are
/// behind tunnels and named interfaces without a default route; `more_clients` are networks that a
/// tunnel has of its own, such as a WireGuard peer's allowed addresses.
pub fn layout(
    network: &Network,
    named: Option<&[String]>,
    more_clients: &[(String, Prefix)],
) -> Layout {
    let chosen = network.links.iter().filter(|link| match named {
        Some(only) => only.contains(&link.name) && link.kind != LinkKind::Other,
        None => link.kind.is_tunnel() || (link.kind != LinkKind::Other && leads_out(network, link)),
    });
    let interfaces = chosen.map(|link| Interface {
        index: link.index,
        name: link.name.clone(),
        link_header: link.kind.header_len(),
        clients: clients(network, link, more_clients, named.is_some()),
    });
    let mut interfaces: Vec<_> = interfaces.collect();
    interfaces.sort_by_key(|interface| interface.index);
    Layout { interfaces, local: local(network), carriers: BTreeSet::new() }
}

fn leads_out(network: &Network, link: &Link) -> bool {
    let mut routes = network.routes.iter().filter(|route| route.interface == link.index);
    routes.any(|route| !route.is_local && route.to.is_default())
}

fn clients(
    network: &Network,
    link: &Link,
    more: &[(String, Prefix)],
    is_named: bool,
) -> Option<BTreeSet<Prefix>> {
    if leads_out(network, link) || !(link.kind.is_tunnel() || is_named) {
        return None;
    }
    let routed = network.routes.iter().filter(|route| route.interface == link.index);
    let routed = routed.filter(|route| !route.is_local).map(|route| route.to);
    let own = more.iter().filter(|(name, _)| *name == link.name).map(|(_, prefix)| *prefix);
    // A peer that may have any address is where the internet is.
    let all: BTreeSet<_> = routed.chain(own).collect();
    (!all.iter().any(Prefix::is_default)).then_some(all)
}

fn local(network: &Network) -> BTreeSet<Prefix> {
    let always = ALWAYS_LOCAL.iter().filter_map(|text| text.parse().ok());
    let own = network.routes.iter().filter(|route| route.is_local).map(|route| route.to);
    always.chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Route, *};

    fn route(to: &str, interface: u32) -> Route {
        Route { to: to.parse().unwrap(), interface, is_local: false }
    }

    fn link(index: u32, name: &str, kind: LinkKind) -> Link {
        Link { index, name: name.to_owned(), kind }
    }

    fn network() -> Network {
        let kinds = [
            (1, "lo", LinkKind::Other),
            (2, "eth0", LinkKind::Ethernet),
            (3, "lan", LinkKind::Ethernet),
            (4, "tun0", LinkKind::IpTunnel),
            (5, "wg0", LinkKind::IpTunnel),
        ];
        let links = kinds.into_iter().map(|(index, name, kind)| link(index, name, kind)).collect();
        let routes = vec![
            route("0.0.0.0/0", 2),
            route("192.0.2.0/24", 2),
            route("10.1.0.0/24", 3),
            route("10.8.0.0/24", 4),
            Route { is_local: true, ..route("10.8.0.1", 4) },
        ];
        Network { links, routes }
    }

    fn check(named: Option<&[&str]>, more: &[(&str, &str)], expected: &[(&str, Option<&[&str]>)]) {
        let named: Option<Vec<_>> =
            named.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let more: Vec<_> =
            more.iter().map(|(at, p)| ((*at).to_owned(), p.parse().unwrap())).collect();
        let layout = layout(&network(), named.as_deref(), &more);
        let found: Vec<_> = layout.interfaces.into_iter().map(|it| (it.name, it.clients)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, clients)| {
                let clients = clients.map(|all| all.iter().map(|p| p.parse().unwrap()).collect());
                ((*name).to_owned(), clients)
            })
            .collect();
        assert_eq!(found, expected);
        assert!(layout.local.contains(&"10.8.0.1".parse().unwrap()));
    }

    #[test]
    fn auto_takes_default_routes_and_tunnels() {
        let tun: &[&str] = &["10.8.0.0/24"];
        check(None, &[], &[("eth0", None), ("tun0", Some(tun)), ("wg0", Some(&[]))]);
        let wg: &[&str] = &["10.9.0.2/32"];
        let peers = [("wg0", "10.9.0.2")];
        check(None, &peers, &[("eth0", None), ("tun0", Some(tun)), ("wg0", Some(wg))]);
        // A tunnel that leads out has no clients.
        let peers = [("wg0", "0.0.0.0/0")];
        check(None, &peers, &[("eth0", None), ("tun0", Some(tun)), ("wg0", None)]);
    }

    #[test]
    fn named_ones_are_all_there_is() {
        let lan: &[&str] = &["10.1.0.0/24"];
        check(Some(&["eth0", "lan", "lo", "no"]), &[], &[("eth0", None), ("lan", Some(lan))]);
        check(Some(&[]), &[], &[]);
    }
}
