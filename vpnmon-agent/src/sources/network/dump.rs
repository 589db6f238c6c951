//! All interfaces and routes.

use std::io;

use netlink_packet_route::{link::LinkMessage, route::RouteMessage};

use super::message;
use crate::{
    kernel::netlink::{Message, ask},
    network::Network,
};

/// Each read at a moment of its own: a change in between is told after it.
pub fn network() -> io::Result<Network> {
    let mut network = Network::default();
    ask(Message::GetLink(LinkMessage::default()), |answer| {
        if let Some(Message::NewLink(link)) = answer {
            network.links.extend(message::link(&link));
        }
    })?;
    ask(Message::GetRoute(RouteMessage::default()), |answer| {
        if let Some(Message::NewRoute(route)) = answer {
            network.routes.extend(message::routes(&route));
        }
    })?;
    Ok(network)
}
