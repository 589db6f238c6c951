//! Accounts of tunnel clients, who have no socket here: by the address they have in the tunnel.

use vpnmon_common::{
    interface::{Address, Client},
    slot::{FORWARD_OTHER_SLOT, OVERFLOW_SLOT},
};

use crate::{
    interface_maps as clients,
    limit::{self, Charge, Verdict},
    maps::{self, Claim},
    packet::Direction,
};

/// Adds a packet to the client with `address` behind the interface `ifindex`, and tells whether it
/// may go on. `Egress` is what the client sends.
#[inline(always)]
pub fn count(ifindex: u32, address: Address, direction: Direction, bytes: u64) -> Verdict {
    add_to(slot_of(ifindex, address), direction, bytes)
}

/// Adds a packet to the slot at `index`.
#[inline(always)]
pub fn add_to(index: u32, direction: Direction, bytes: u64) -> Verdict {
    let Some(slot) = maps::slot(index) else { return Verdict::Pass };
    let counter = match direction {
        Direction::Egress => &slot.uplink_bytes,
        Direction::Ingress => &slot.downlink_bytes,
    };
    limit::charge(&Charge { index, slot, counter, direction, bytes })
}

/// The slot of the client with `address`.
///
/// Whoever sends from an address that is not behind its tunnel counts in a row for all such: neither
/// can it make accounts, nor bill another tunnel's client.
#[inline(always)]
pub fn slot_of(ifindex: u32, address: Address) -> u32 {
    let client = Client::decode(clients::client(address));
    if client.ifindex == ifindex {
        return client.slot;
    }
    if !clients::is_behind(ifindex, address) {
        return FORWARD_OTHER_SLOT;
    }
    if client.ifindex != 0 {
        clients::move_client(address, Client { ifindex, ..client });
        return client.slot;
    }
    match clients::claim_client(address, ifindex) {
        Claim::Held(slot) | Claim::New(slot) => slot,
        Claim::Full => OVERFLOW_SLOT,
    }
}
