//! Interfaces and routes of this network namespace, read again when the kernel says that something
//! has changed (rtnetlink(7)).

mod dump;
mod message;

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::{kernel::netlink::ROOM, network::Network};

/// `enum rtnetlink_groups` (linux/rtnetlink.h): links, addresses and routes of both families.
const GROUPS: [u32; 5] = [1, 5, 7, 9, 11];
/// Looks without a word from the kernel, for words that were lost: one in so many polls.
const LOOK_ANYWAY: u32 = 100;

/// Watches the network.
#[derive(Debug)]
pub struct NetworkWatch {
    changes: Socket,
    last: Option<Network>,
    polls: u32,
}

impl NetworkWatch {
    /// Nothing is read before the first [`NetworkWatch::changed`].
    pub fn new() -> io::Result<Self> {
        let mut changes = Socket::new(NETLINK_ROUTE)?;
        changes.bind(&SocketAddr::new(0, 0))?;
        for group in GROUPS {
            changes.add_membership(group)?;
        }
        changes.set_non_blocking(true)?;
        Ok(Self { changes, last: None, polls: 0 })
    }

    /// What there is, if it is not what there was at the last call.
    pub fn changed(&mut self) -> io::Result<Option<Network>> {
        self.polls = self.polls.wrapping_add(1);
        let told = self.was_told();
        if self.last.is_some() && !told && !self.polls.is_multiple_of(LOOK_ANYWAY) {
            return Ok(None);
        }
        let network = dump::network()?;
        if self.last.as_ref() == Some(&network) {
            return Ok(None);
        }
        self.last = Some(network.clone());
        Ok(Some(network))
    }

    /// Reads away what the kernel has told; an overrun (ENOBUFS) tells as much.
    fn was_told(&self) -> bool {
        let mut told = false;
        loop {
            let mut room = Vec::with_capacity(ROOM);
            match self.changes.recv(&mut room, 0) {
                Ok(_) => told = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return told,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => told = true,
                Err(_) => return true,
            }
        }
    }
}
