//! Clients behind a proxy on this machine: whom nginx, or a load balancer, has named in a header.
//!
//! A WebSocket proxy reads its client's request and connects to the SSH server, which starts a process
//! for that at once. So the request that came to a socket of the proxy's user within a moment before
//! the process began is the session's, if there is no other request, and no other session. Else
//! nothing is said: an address that is wrong would be worse than none.

use std::{collections::VecDeque, net::IpAddr};

use vpnmon_common::{owner::Owner, session::TICKS_A_SECOND};

use super::Engine;
use crate::{
    event::{Heard, Said},
    model::sighting::Direction,
    session::Session,
};

/// From the request to the new process. A proxy that waits longer has clients without an address.
const MOMENT_NS: u64 = 50_000_000;
const TICK_NS: u64 = 1_000_000_000 / TICKS_A_SECOND;
/// Requests kept.
const MAX_REQUESTS: usize = 1024;

/// What was heard lately.
#[derive(Debug, Default)]
pub struct Fronts(VecDeque<Request>);

#[derive(Clone, Copy, Debug)]
struct Request {
    slot: u32,
    at_ns: u64,
    client: IpAddr,
    /// The proxy's port of the session that it seems to belong to.
    taken_by: Option<u16>,
}

/// A client, and the request that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Where it is.
    pub client: IpAddr,
    at_ns: u64,
}

/// Whom a proxy on this machine has told of. Who comes from outside can write any header.
pub fn client_told(heard: &Heard) -> Option<IpAddr> {
    let Said::Names(names) = &heard.said else { return None };
    let is_near = heard.direction == Direction::Ingress && heard.source.ip().is_loopback();
    names.client().filter(|_| is_near).and_then(client_address)
}

impl Fronts {
    /// A request has come.
    pub fn note(&mut self, heard: &Heard) {
        let Some(client) = client_told(heard) else { return };
        if self.0.len() == MAX_REQUESTS {
            self.0.pop_front();
        }
        self.0.push_back(Request { slot: heard.slot, at_ns: heard.at_ns, client, taken_by: None });
    }
}

impl Engine {
    /// The client of a session whose connection comes from a proxy on this machine.
    pub(super) fn client_behind(&mut self, session: &Session) -> Option<Behind> {
        let (uid, port) = (session.front?, session.client_port);
        let began = session.start_time.checked_mul(TICK_NS)?;
        let slots = &self.slots;
        let is_near = |it: &&mut Request| {
            let in_time = it.at_ns < began + TICK_NS && it.at_ns + MOMENT_NS >= began;
            in_time && slots.owner(it.slot) == Some(Owner::Uid(uid))
        };
        let mut near = self.fronts.0.iter_mut().filter(is_near);
        let request = near.next()?;
        let behind = Behind { client: request.client, at_ns: request.at_ns };
        if near.any(|other| other.client != behind.client) {
            return None;
        }
        if request.taken_by.is_some() && request.taken_by != port {
            self.sessions.forget_behind(behind);
            return None;
        }
        request.taken_by = port;
        Some(behind)
    }
}

/// The first address of a header or a PROXY line: the one that the outermost proxy has added.
fn client_address(text: &[u8]) -> Option<IpAddr> {
    let first = std::str::from_utf8(text).ok()?.split(',').next()?.trim();
    let first = first.strip_prefix('[').map_or(first, |v6| v6.split(']').next().unwrap_or(v6));
    let without_port = || first.rsplit_once(':').and_then(|(ip, _)| ip.parse().ok());
    first.parse().ok().or_else(without_port).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_many_forms() {
        for (text, expected) in [
            ("198.51.100.7", Some("198.51.100.7")),
            ("198.51.100.7:4711", Some("198.51.100.7")),
            (" 198.51.100.7 , 10.0.0.1", Some("198.51.100.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("[2001:db8::7]:80", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("::ffff:198.51.100.7", Some("198.51.100.7")),
            ("unknown", None),
            ("", None),
            ("[", None),
            ("198.51.100.7\u{7}", None),
        ] {
            let expected = expected.map(|it| it.parse().unwrap());
            assert_eq!(client_address(text.as_bytes()), expected, "{text}");
        }
    }
}
