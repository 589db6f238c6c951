//! Adds a packet to its slot. Nothing here can drop one.

use aya_ebpf::programs::SkBuffContext;

use crate::{
    helpers::add,
    maps, owner,
    packet::{Direction, Packet},
};

/// Counts the packet of `ctx` for its owner.
#[inline(always)]
pub fn count(ctx: &SkBuffContext, direction: Direction) {
    let index = owner::slot_index(ctx);
    let Some(slot) = maps::slot(index) else {
        return;
    };
    let size = Packet(ctx).wire_size();
    let (bytes, packets) = match direction {
        Direction::Egress => (&slot.uplink_bytes, &slot.uplink_packets),
        Direction::Ingress => (&slot.downlink_bytes, &slot.downlink_packets),
    };
    add(bytes, size.bytes);
    add(packets, size.packets);
    maps::mark_moved(index);
}
