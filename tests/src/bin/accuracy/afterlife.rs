//! Packets of TCP connections whose socket is gone: the kernel answers for it (TIME_WAIT).
//!
//! No cgroup hook sees them, in either direction, so no account gets them; here they are counted
//! from the wire, to show that they are all that is missing.

use std::collections::HashMap;

use vpnmon_tests::{status::Bytes, tap::Way};

use crate::{
    capture::Sink,
    packet::{Packet, Packets, Segment},
};

/// Where a connection stands, for a user who closes at once when it sends its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The user has not closed.
    Open,
    /// The user has; the number that acknowledges it.
    Closed(u32),
    /// End and acknowledgement came together: the socket still acknowledges the end itself.
    Ending,
    /// No socket any more.
    Gone,
}

/// Adds up what comes and goes after a connection's socket.
#[derive(Debug)]
pub struct Afterlife {
    kinds: Vec<Packets>,
    connections: HashMap<(u16, u16), Stage>,
    /// Bytes of no account.
    pub bytes: Bytes,
}

impl Afterlife {
    /// Of these, at the user's end.
    pub fn of(kinds: &[Packets]) -> Self {
        Self { kinds: kinds.to_vec(), connections: HashMap::new(), bytes: Bytes::default() }
    }
}

impl Sink for Afterlife {
    fn see(&mut self, packet: &Packet, way: Way) {
        let (Some((from, to)), Some(segment)) = (packet.ports, packet.segment) else { return };
        if !self.kinds.iter().any(|kind| kind.has(packet)) {
            return;
        }
        let ends = if way == Way::Out { (from, to) } else { (to, from) };
        let stage = self.connections.entry(ends).or_insert(Stage::Open);
        match (*stage, way) {
            (Stage::Gone, Way::Out) => self.bytes.up += packet.bytes,
            (Stage::Gone, Way::In) => self.bytes.down += packet.bytes,
            (before, way) => *stage = next(before, way, segment),
        }
    }
}

fn next(stage: Stage, way: Way, segment: Segment) -> Stage {
    match (stage, way) {
        (Stage::Open, Way::Out) if segment.fin => {
            Stage::Closed(segment.sequence.wrapping_add(segment.payload + 1))
        }
        (Stage::Closed(end), Way::In) if segment.acknowledged == Some(end) => {
            if segment.fin {
                Stage::Ending
            } else {
                Stage::Gone
            }
        }
        (Stage::Ending, Way::Out) => Stage::Gone,
        _ => stage,
    }
}
