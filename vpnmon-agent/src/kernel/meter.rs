//! Reading the counters: memory, not system calls.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use vpnmon_common::{
    owner::Owner,
    slot::{FIRST_ACCOUNT_SLOT, Slot, word},
};

use super::mapped::MappedWords;
use crate::{
    event::{Claimed, Reading},
    model::Bytes,
};

/// The counters of all slots, and what they stood at when they were last read.
#[derive(Debug)]
pub struct Meter {
    slots: MappedWords,
    /// Words from one slot to the next.
    stride: usize,
    registry: MappedWords,
    known: Vec<Known>,
    claims_seen: u64,
    /// Every slot below has been looked at and had an owner or has none yet.
    looked_to: usize,
}

#[derive(Debug)]
struct Known {
    slot: u32,
    last: Bytes,
}

impl Meter {
    /// Nothing counts as read yet. `stride`: words from one slot to the next.
    pub(super) const fn new(slots: MappedWords, stride: usize, registry: MappedWords) -> Self {
        let known = Vec::new();
        Self { slots, stride, registry, known, claims_seen: 0, looked_to: 0 }
    }

    /// [`vpnmon_common::slot::LAYOUT`] of the build that made the maps.
    pub fn layout(&self) -> u64 {
        self.registry[word::LAYOUT].load(Relaxed)
    }

    /// Names this life of the maps.
    pub fn generation(&self) -> u64 {
        self.registry[word::GENERATION].load(Relaxed)
    }

    /// Accounts that there is room for.
    pub fn max_accounts(&self) -> u32 {
        let slots = u32::try_from(self.slot_count()).unwrap_or(u32::MAX);
        slots.saturating_sub(FIRST_ACCOUNT_SLOT)
    }

    /// Whether the slots are of the size that this build has.
    pub const fn has_our_slots(&self) -> bool {
        self.stride * 8 == size_of::<Slot>()
    }

    fn slot_count(&self) -> usize {
        self.slots.len() / self.stride
    }

    /// Fills `claimed` with the owners that are new, `moved` with the counters that are higher than
    /// at the last call; those of one slot never come before its owner.
    pub fn drain(&mut self, claimed: &mut Vec<Claimed>, moved: &mut Vec<Reading>) {
        claimed.clear();
        moved.clear();
        self.find_owners(claimed);
        let slots = &*self.slots;
        for known in &mut self.known {
            let at = known.slot as usize * self.stride;
            let Some(slot) = slots.get(at..at + self.stride) else { continue };
            let bytes = Bytes {
                uplink: slot[word::UPLINK_BYTES].load(Relaxed),
                downlink: slot[word::DOWNLINK_BYTES].load(Relaxed),
            };
            if bytes != known.last {
                known.last = bytes;
                moved.push(Reading { slot: known.slot, bytes });
            }
        }
    }

    /// Looks for owners when the kernel has given out slots. It hands them out in order, but for
    /// the few that two CPUs claimed at once: those come back at the end of the queue.
    fn find_owners(&mut self, claimed: &mut Vec<Claimed>) {
        let claims = self.registry[word::CLAIMS].load(Acquire);
        if self.looked_to != 0 && claims == self.claims_seen {
            return;
        }
        let first_look = self.looked_to == 0;
        let mut missing = claims - self.claims_seen;
        let mut index = if first_look { 0 } else { self.first_gap() };
        while index < self.slot_count() {
            let is_reserved = index < FIRST_ACCOUNT_SLOT as usize;
            if missing == 0 && !is_reserved {
                break;
            }
            if self.claim(index, claimed) && !is_reserved {
                missing -= 1;
            }
            index += 1;
        }
        self.looked_to = self.looked_to.max(index);
        self.claims_seen = claims - missing;
        self.known.sort_unstable_by_key(|known| known.slot);
    }

    /// The lowest slot that may have got an owner since the last look.
    fn first_gap(&self) -> usize {
        let in_order = self.known.iter().map(|known| known.slot as usize);
        let reserved = FIRST_ACCOUNT_SLOT as usize;
        let mut next = reserved;
        for slot in in_order.filter(|slot| *slot >= reserved) {
            if slot != next {
                break;
            }
            next += 1;
        }
        next
    }

    /// Whether the slot has an owner that was not known; it is now.
    fn claim(&mut self, index: usize, claimed: &mut Vec<Claimed>) -> bool {
        let owner = self.slots[index * self.stride + word::OWNER].load(Acquire);
        let (Some(owner), Ok(slot)) = (Owner::decode(owner), u32::try_from(index)) else {
            return false;
        };
        if self.known.binary_search_by_key(&slot, |known| known.slot).is_ok() {
            return false;
        }
        claimed.push(Claimed { slot, owner });
        self.known.push(Known { slot, last: Bytes::default() });
        true
    }
}
