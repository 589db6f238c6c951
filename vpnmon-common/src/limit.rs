//! How far an account may go: what the agent arms and the programs hold.
//!
//! The bytes are those of the slot's own counters, so that arming races with no packet: whatever
//! was counted before counts.

use core::sync::atomic::AtomicU64;

use crate::slot::Slot;

/// Which directions use a limit up, as `meter.usage` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directions {
    /// What the account sends.
    pub uplink: bool,
    /// What it receives.
    pub downlink: bool,
}

/// A limit, as the agent sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What the counters of these directions may come to in all, in bytes since the maps were made.
    pub allowed_bytes: u64,
    /// Which they are.
    pub directions: Directions,
    /// Whether everything is refused from now on, whatever is left.
    pub is_cut: bool,
}

/// A value of [`crate::names::LIMITS`], by slot, as it is in the map. Written whole, under the lock
/// (`BPF_F_LOCK`, kernel 5.1): a lock of the kernel's, then the words that it guards.
pub type LimitWords = [u64; 3];

/// Bytes and place of `struct bpf_spin_lock` in a value.
pub const LOCK_BYTES: usize = 4;

impl Limit {
    /// As the map takes it. The lock is left out of what is written.
    #[must_use]
    pub fn encode(self) -> LimitWords {
        let state = u64::from(self.is_cut) << (8 * LOCK_BYTES);
        let state = if cfg!(target_endian = "little") { state } else { u64::from(self.is_cut) };
        [state, self.allowed_bytes, self.directions.encode()]
    }

    /// The reverse of [`Limit::encode`].
    #[must_use]
    pub fn decode([state, allowed_bytes, directions]: LimitWords) -> Self {
        let state = if cfg!(target_endian = "little") { state >> (8 * LOCK_BYTES) } else { state };
        let is_cut = state & u64::from(u32::MAX) != 0;
        Self { allowed_bytes, directions: Directions::decode(directions), is_cut }
    }
}

impl Directions {
    const UPLINK: u64 = 1;
    const DOWNLINK: u64 = 2;

    /// As a word.
    #[must_use]
    #[inline(always)]
    pub const fn encode(self) -> u64 {
        (self.uplink as u64) * Self::UPLINK + (self.downlink as u64) * Self::DOWNLINK
    }

    /// The reverse.
    #[must_use]
    #[inline(always)]
    pub const fn decode(word: u64) -> Self {
        Self { uplink: word & Self::UPLINK != 0, downlink: word & Self::DOWNLINK != 0 }
    }

    /// What the slot has used, its counters read by `load`.
    #[inline(always)]
    pub fn used_bytes(self, slot: &Slot, load: impl Fn(&AtomicU64) -> u64) -> u64 {
        let mut used = 0_u64;
        if self.uplink {
            used = load(&slot.uplink_bytes).wrapping_add(load(&slot.uplink_inside_bytes));
        }
        if self.downlink {
            let down = load(&slot.downlink_bytes).wrapping_add(load(&slot.downlink_inside_bytes));
            used = used.wrapping_add(down);
        }
        used
    }
}

/// Whether a packet may go. `bytes` are those that count towards the limit: 0 where the packet goes
/// the other way, which ends with the limit all the same.
#[must_use]
#[inline(always)]
pub const fn fits(used_bytes: u64, bytes: u64, allowed_bytes: u64) -> bool {
    used_bytes < allowed_bytes && bytes <= allowed_bytes - used_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_fits_and_no_more() {
        assert!(fits(900, 100, 1000));
        assert!(!fits(900, 101, 1000));
        assert!(!fits(1000, 0, 1000), "used up: the other way ends too");
        assert!(fits(999, 0, 1000));
        assert!(!fits(0, 0, 0));
        assert!(!fits(1001, 0, 1000));
        assert!(fits(0, u64::MAX, u64::MAX));
    }

    #[test]
    fn limits_survive_their_words() {
        for is_cut in [false, true] {
            for (uplink, downlink) in [(true, false), (false, true), (true, true)] {
                let directions = Directions { uplink, downlink };
                let limit = Limit { allowed_bytes: u64::MAX - 1, directions, is_cut };
                assert_eq!(Limit::decode(limit.encode()), limit);
            }
        }
    }
}
