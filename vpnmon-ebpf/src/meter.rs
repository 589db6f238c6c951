//! Adds a packet to its slot.

use aya_ebpf::programs::SkBuffContext;
use vpnmon_common::owner::SocketOwner;

use crate::{
    flows,
    limit::{self, Charge, Verdict},
    maps, owner,
    packet::{Direction, Packet},
};

/// Counts the packet of `ctx` for its owner, and tells who that is and whether it may go on.
#[inline(always)]
pub fn count(ctx: &SkBuffContext, direction: Direction) -> (SocketOwner, Verdict) {
    let packet = Packet(ctx);
    let owner = owner::of(ctx);
    let Some(slot) = maps::slot(owner.slot) else {
        return (owner, Verdict::Pass);
    };
    let is_inside = owner.is_inside || !maps::is_metered(packet.ifindex());
    if !is_inside && packet.is_billed() {
        // A tunnel's client has paid for it: it was on its way to another machine, before its
        // destination was translated to this one (REDIRECT, DNAT).
        return (owner, Verdict::Pass);
    }
    let counter = match (direction, is_inside) {
        (Direction::Egress, false) => &slot.uplink_bytes,
        (Direction::Ingress, false) => &slot.downlink_bytes,
        (Direction::Egress, true) => &slot.uplink_inside_bytes,
        (Direction::Ingress, true) => &slot.downlink_inside_bytes,
    };
    let bytes = packet.wire_size().bytes;
    let charge = Charge { index: owner.slot, slot, counter, direction, bytes };
    let verdict = limit::charge(&charge);
    if matches!(verdict, Verdict::Pass) {
        flows::add_to(owner.flow, direction, bytes);
    }
    (owner, verdict)
}
