//! What an interface carries, and which part of it is other machines'. Nothing but a client's limit
//! stops a packet here, and nothing keeps it from anybody else's filter.

use aya_ebpf::programs::TcContext;
use vpnmon_common::slot::{FORWARD_OTHER_SLOT, TRANSPORT_SLOT};

use crate::{
    forward,
    frame::{self, Frame},
    helpers::add,
    hosts, interface_maps as maps,
    limit::Verdict,
    packet::Direction,
};

/// Counts a packet that is about to leave. One that is dropped never does, and is none of the
/// interface's.
#[inline(always)]
pub fn egress(ctx: &TcContext) -> Verdict {
    let Some(metered) = maps::metered(frame::ifindex(ctx)) else { return Verdict::Pass };
    let Some(frame) = Frame::of(ctx, u32::from(metered.link_header)) else { return Verdict::Pass };
    let Some(row) = maps::row(metered) else { return Verdict::Pass };
    let bytes = frame.wire_bytes();
    let Some(from) = frame.forwarded_from() else {
        add(&row.egress_bytes, bytes);
        if metered.has_carriers {
            carry(frame, Direction::Egress, bytes);
        }
        return Verdict::Pass;
    };
    if !frame.is_billed() && came_in(frame, from, bytes) == Verdict::Drop {
        return Verdict::Drop;
    }
    if metered.has_clients
        && let Some(client) = frame.destination()
    {
        if forward::count(metered.ifindex, client, Direction::Ingress, bytes) == Verdict::Drop {
            return Verdict::Drop;
        }
        hosts::forward::count_back(ctx, metered, bytes);
    }
    add(&row.egress_bytes, bytes);
    add(&row.egress_forwarded_bytes, bytes);
    Verdict::Pass
}

/// A packet that was not known to be forwarded when it came, because its address was translated
/// after that: replies to a translated connection, and ports handed on.
#[inline(always)]
fn came_in(frame: Frame<'_>, from: u32, bytes: u64) -> Verdict {
    let Some(origin) = maps::metered(from) else { return Verdict::Pass };
    let Some(row) = maps::row(origin) else { return Verdict::Pass };
    add(&row.ingress_forwarded_bytes, bytes);
    if origin.has_clients
        && let Some(client) = frame.source()
    {
        return forward::count(origin.ifindex, client, Direction::Egress, bytes);
    }
    Verdict::Pass
}

/// The outside of WireGuard's packets: its sockets are the kernel's own, and pass no cgroup hook.
#[inline(always)]
fn carry(frame: Frame<'_>, direction: Direction, bytes: u64) {
    if let Some(port) = frame.udp_port(direction)
        && maps::is_carrier(port)
    {
        // Nobody limits what is nobody's.
        let _pass = forward::add_to(TRANSPORT_SLOT, direction, bytes);
    }
}

/// Counts a packet that has come.
#[inline(always)]
pub fn ingress(ctx: &TcContext) -> Verdict {
    let Some(metered) = maps::metered(frame::ifindex(ctx)) else { return Verdict::Pass };
    let Some(frame) = Frame::of(ctx, u32::from(metered.link_header)) else { return Verdict::Pass };
    let Some(row) = maps::row(metered) else { return Verdict::Pass };
    let bytes = frame.wire_bytes();
    add(&row.ingress_bytes, bytes);
    if metered.has_carriers
        && let Some(destination) = frame.destination()
        && maps::is_local(destination)
    {
        carry(frame, Direction::Ingress, bytes);
    }
    if !metered.has_clients {
        return Verdict::Pass;
    }
    let (Some(source), Some(destination)) = (frame.source(), frame.destination()) else {
        return Verdict::Pass;
    };
    if maps::is_local(destination) {
        return Verdict::Pass;
    }
    // Here and not where it leaves: there its source may be translated.
    add(&row.ingress_forwarded_bytes, bytes);
    frame.set_billed();
    let slot = forward::slot_of(metered.ifindex, source);
    let verdict = forward::add_to(slot, Direction::Egress, bytes);
    if verdict == Verdict::Pass && slot != FORWARD_OTHER_SLOT {
        hosts::forward::look(ctx, metered, slot, bytes);
    }
    verdict
}
