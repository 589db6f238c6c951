//! From rtnetlink's messages to our words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::{
    AddressFamily,
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType},
};

use crate::network::{Link, LinkKind, Prefix, Route};

/// The interface, if it is up.
pub fn link(message: &LinkMessage) -> Option<Link> {
    let name = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    let is_up = message.header.flags.contains(LinkFlags::Up);
    is_up.then_some(Link { index: message.header.index, name: name?, kind: kind(message) })
}

fn kind(message: &LinkMessage) -> LinkKind {
    use LinkLayerType::{Ether, Ipgre, None, Ppp, Rawip, Sit, Tunnel, Tunnel6};
    match message.header.link_layer_type {
        Ether if is_tap(message) => LinkKind::EthernetTunnel,
        Ether => LinkKind::Ethernet,
        None | Ppp | Rawip | Tunnel | Tunnel6 | Sit | Ipgre => LinkKind::IpTunnel,
        _ => LinkKind::Other,
    }
}

fn is_tap(message: &LinkMessage) -> bool {
    message.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(parts) => parts.contains(&LinkInfo::Kind(InfoKind::Tun)),
        _ => false,
    })
}

/// The route, once for each interface it uses; none for one that leads nowhere.
pub fn routes(message: &RouteMessage) -> Vec<Route> {
    let is_local = match message.header.kind {
        RouteType::Unicast => false,
        RouteType::Local | RouteType::Broadcast | RouteType::Anycast | RouteType::Multicast => true,
        _ => return Vec::new(),
    };
    // Entries of a cache, of kernels that list them.
    if message.header.flags.contains(RouteFlags::Cloned) {
        return Vec::new();
    }
    let Some(to) = destination(message) else { return Vec::new() };
    let interfaces = message.attributes.iter().flat_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => vec![*index],
        RouteAttribute::MultiPath(hops) => hops.iter().map(|hop| hop.interface_index).collect(),
        _ => Vec::new(),
    });
    interfaces.map(|interface| Route { to, interface, is_local }).collect()
}

fn destination(message: &RouteMessage) -> Option<Prefix> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        RouteAttribute::Destination(RouteAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    });
    let all = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    Prefix::new(address.unwrap_or(all), message.header.destination_prefix_length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_over_several_interfaces_is_several() {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.kind = RouteType::Unicast;
        message.attributes.push(RouteAttribute::Oif(3));
        let to = "0.0.0.0/0".parse().unwrap();
        assert_eq!(routes(&message), [Route { to, interface: 3, is_local: false }]);
        message.header.kind = RouteType::BlackHole;
        assert_eq!(routes(&message), []);
    }

    #[test]
    fn what_is_down_is_no_interface() {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.link_layer_type = LinkLayerType::None;
        message.attributes.push(LinkAttribute::IfName("tun0".to_owned()));
        assert_eq!(link(&message), None);
        message.header.flags = LinkFlags::Up;
        let expected = Link { index: 7, name: "tun0".to_owned(), kind: LinkKind::IpTunnel };
        assert_eq!(link(&message), Some(expected));
    }
}
