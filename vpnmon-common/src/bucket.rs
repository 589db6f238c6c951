//! How often one source may tell the agent something: token buckets, each in one word, so that who
//! floods fills no ring that others need.

use crate::{host::Sight, interface::Address};

/// Sources whose buckets are remembered; beyond, the ones not seen for the longest are forgotten.
pub const SOURCES: usize = 4096;
/// Buckets that all sources share: of each kind and way.
pub const SHARED: u32 = 6;

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    step_ns: u64,
    burst_ns: u64,
}

impl Rate {
    const fn new(a_second: u64, at_once: u64) -> Self {
        let step_ns = 1_000_000_000 / a_second;
        Self { step_ns, burst_ns: step_ns * at_once }
    }

    /// Messages with names of one source.
    pub const NAMES: Self = Self::new(10_000, 1000);
    /// Datagrams of one source: each takes the agent some microseconds to open.
    pub const DATAGRAMS: Self = Self::new(1000, 64);
    /// Datagrams of all sources, so that forged addresses are no way around. Of both kinds and
    /// ways they fit into the ring at once.
    pub const ALL_DATAGRAMS: Self = Self::new(8000, 192);

    /// What the bucket's word is after one more; `None` where that is one too many. The word is the
    /// time at which the bucket would be full again; 0 is full.
    #[inline(always)]
    #[must_use]
    pub const fn take(self, word: u64, now_ns: u64) -> Option<u64> {
        let from = if word > now_ns { word } else { now_ns };
        let next = from + self.step_ns;
        if next - now_ns > self.burst_ns { None } else { Some(next) }
    }
}

/// Whose bucket it is. What users send is theirs, whatever addresses they make up; what comes to a
/// server is its client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SourceKey {
    address: Address,
    slot: u32,
    what: u32,
}

impl SourceKey {
    /// The source of what was seen. `kind` is the record's: 0, or one of [`crate::host::Datagram`].
    #[inline(always)]
    #[must_use]
    pub const fn of(sight: &Sight, kind: u32) -> Self {
        if sight.direction != Sight::INGRESS {
            return Self { address: [0; 4], slot: sight.slot, what: kind };
        }
        let [a, b, c, d] = sight.source;
        // Of IPv6 the /64: a client has that many addresses.
        let address = if a | b == 0 { [a, b, c, d] } else { [a, b, 0, 0] };
        Self { address, slot: 0, what: kind | 1 << 16 }
    }

    /// Which of the [`SHARED`] buckets it takes from too.
    #[inline(always)]
    #[must_use]
    pub const fn shared(&self) -> u32 {
        (self.what & 0xffff) * 2 + (self.what >> 16)
    }
}

const _: () = assert!(size_of::<SourceKey>() == 24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::mapped;

    const SECOND: u64 = 1_000_000_000;

    /// How many of `tries`, `apart_ns` from each other, are let through.
    fn let_through(rate: Rate, tries: u64, apart_ns: u64) -> u64 {
        let (mut word, mut count) = (0, 0);
        for n in 0..tries {
            if let Some(next) = rate.take(word, 7 * SECOND + n * apart_ns) {
                (word, count) = (next, count + 1);
            }
        }
        count
    }

    #[test]
    fn bursts_and_rates() {
        let rate = Rate::new(1000, 64);
        assert_eq!(let_through(rate, 500, 0), 64);
        assert_eq!(let_through(rate, 500, SECOND / 1000), 500);
        // A second at ten times the rate: the burst, and the second's worth.
        assert_eq!(let_through(rate, 10_000, SECOND / 10_000), 1063);
    }

    #[test]
    fn an_empty_bucket_fills_again_and_never_over() {
        let rate = Rate::new(1000, 64);
        let empty = (0..64).fold(0, |word, _| rate.take(word, SECOND).unwrap());
        assert_eq!(rate.take(empty, SECOND), None);
        assert!(rate.take(empty, SECOND + SECOND / 1000).is_some());
        let later = (0..64).fold(empty, |word, _| rate.take(word, 99 * SECOND).unwrap());
        assert_eq!(rate.take(later, 99 * SECOND), None);
    }

    #[test]
    fn sources() {
        let sight = |direction, slot, source| Sight { slot, direction, source, ..Sight::default() };
        let key = |sight: Sight| SourceKey::of(&sight, 1);
        let v6 = |c, d| [0x20, 1, c, d];
        for (a, b, same) in [
            (sight(Sight::EGRESS, 7, v6(1, 2)), sight(Sight::EGRESS, 7, [9; 4]), true),
            (sight(Sight::EGRESS, 7, v6(1, 2)), sight(Sight::EGRESS, 8, v6(1, 2)), false),
            (sight(Sight::INGRESS, 7, v6(1, 2)), sight(Sight::INGRESS, 8, v6(3, 4)), true),
            (sight(Sight::INGRESS, 7, mapped(1)), sight(Sight::INGRESS, 7, mapped(2)), false),
            (sight(Sight::INGRESS, 0, mapped(1)), sight(Sight::EGRESS, 0, mapped(1)), false),
        ] {
            assert_eq!(key(a) == key(b), same, "{a:?} {b:?}");
        }
        let shared = [0, 1, 2].map(|kind| SourceKey::of(&sight(1, 0, [0; 4]), kind).shared());
        assert_eq!(shared, [1, 3, 5]);
    }
}
