//! The interfaces' part of the loop.

use vpnmon_common::owner::Owner;

use super::events::Loop;
use crate::{
    event::{Carried, Claimed, Client, Event, Traffic},
    kernel::Meter,
};

impl Loop {
    /// Follows interfaces that come and go.
    pub(super) fn look_at_network(&mut self) {
        if self.surroundings.changed() {
            self.interfaces.apply(&self.surroundings.layout());
            self.happened(Event::Names(self.surroundings.names()));
            self.look_at_traffic();
        }
    }

    /// Tells the engine who the clients are that have come, by the names of this moment.
    pub(super) fn meet_clients(&mut self) {
        let clients = clients(&self.meter, &self.claimed);
        if clients.is_empty() {
            return;
        }
        if self.surroundings.ask_of_newcomers() {
            self.interfaces.apply(&self.surroundings.layout());
            self.happened(Event::Names(self.surroundings.names()));
        }
        self.happened(Event::Clients(&clients));
    }

    /// Tells the engine what the interfaces have carried.
    pub(super) fn look_at_traffic(&mut self) {
        let unattributed = unattributed(self.local_bytes, &self.meter);
        let carried = self.interfaces.carried().into_iter().map(|(name, carried)| Carried {
            name,
            egress: carried.egress,
            ingress: carried.ingress,
        });
        let traffic = Traffic {
            interfaces: carried.collect(),
            unattributed_bytes: self.interfaces.has_rows().then_some(unattributed),
            problems: self.interfaces.problems().to_vec(),
        };
        self.happened(Event::Traffic(traffic));
    }

    /// For the next look: what interfaces have carried up to now.
    pub(super) fn note_local_bytes(&mut self) {
        self.local_bytes = self.interfaces.local_bytes();
    }
}

/// The clients among the new owners.
pub fn clients(meter: &Meter, claimed: &[Claimed]) -> Vec<Client> {
    let clients = claimed.iter().filter(|claimed| matches!(claimed.owner, Owner::Forward(_)));
    let known = clients.filter_map(|claimed| {
        Some(Client { slot: claimed.slot, address: meter.client(claimed.slot)? })
    });
    known.collect()
}

/// Bytes that no socket has got, of those that interfaces had carried a drain ago: by now every
/// hook has seen them, so none is missing because it is on its way from one to the other.
fn unattributed(carried_before: u64, meter: &Meter) -> u64 {
    carried_before.saturating_sub(meter.socket_bytes())
}
