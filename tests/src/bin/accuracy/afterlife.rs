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

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 4001;
    const LEN: u64 = 52;

    /// One packet: way, FIN, sequence number, acknowledged number.
    type Step = (Way, bool, u32, Option<u32>);

    fn check(steps: &[Step], expected: Bytes) {
        let mut afterlife = Afterlife::of(&[Packets::Port(PORT)]);
        for (way, fin, sequence, acknowledged) in steps {
            let ports = if *way == Way::Out { (50_000, PORT) } else { (PORT, 50_000) };
            let (sequence, acknowledged, fin) = (*sequence, *acknowledged, *fin);
            let segment = Segment { sequence, acknowledged, fin, payload: 0 };
            let (ports, segment) = (Some(ports), Some(segment));
            afterlife.see(&Packet { bytes: LEN, protocol: 6, ports, segment }, *way);
        }
        assert_eq!(afterlife.bytes, expected, "{steps:?}");
    }

    #[test]
    fn the_peer_ends_after_acknowledging() {
        let steps = [
            (Way::Out, true, 100, Some(1)),
            (Way::In, false, 1, Some(101)),
            (Way::In, true, 1, Some(101)),
            (Way::Out, false, 101, Some(2)),
        ];
        check(&steps, Bytes { up: LEN, down: LEN });
        check(&steps[..2], Bytes::default());
    }

    #[test]
    fn the_peer_ends_while_acknowledging() {
        let last = (Way::Out, false, 101, Some(2));
        let steps = [(Way::Out, true, 100, Some(1)), (Way::In, true, 1, Some(101)), last, last];
        check(&steps[..3], Bytes::default());
        check(&steps, Bytes { up: LEN, down: 0 });
    }

    #[test]
    fn the_peer_has_ended_before() {
        let steps = [
            (Way::In, true, 1, Some(100)),
            (Way::Out, true, u32::MAX, Some(2)),
            (Way::In, false, 2, Some(99)),
            (Way::In, false, 2, Some(0)),
            (Way::In, false, 2, Some(0)),
        ];
        check(&steps[..4], Bytes::default());
        check(&steps, Bytes { up: 0, down: LEN });
    }
}
