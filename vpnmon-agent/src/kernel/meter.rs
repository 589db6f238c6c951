//! Reading the counters: memory, not system calls.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed},
};

use vpnmon_common::{
    owner::Owner,
    slot::{FIRST_ACCOUNT_SLOT, Slot, word},
};

use super::{mapped::MappedWords, marks::Marks};
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
    /// Which slots have moved; without them a drain looks at all.
    marks: Option<Marks>,
    look_at_all: bool,
    /// By slot; `None` where no owner is known.
    last: Vec<Option<Bytes>>,
    claims_seen: u64,
    /// The lowest account slot without a known owner; 0 before the first look.
    gap: usize,
}

impl Meter {
    /// Nothing counts as read yet. `stride`: words from one slot to the next.
    pub(super) const fn new(slots: MappedWords, stride: usize, registry: MappedWords) -> Self {
        Self {
            slots,
            stride,
            registry,
            marks: None,
            look_at_all: true,
            last: Vec::new(),
            claims_seen: 0,
            gap: 0,
        }
    }

    /// The same, with the marks of its layout.
    pub(super) fn with_marks(self, marks: Marks) -> Self {
        Self { marks: Some(marks), ..self }
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

    /// The next drain reads every counter, marked or not: where a mark may have been missed, and for
    /// a last word.
    pub const fn look_at_all(&mut self) {
        self.look_at_all = true;
    }

    /// Fills `claimed` with the owners that are new, `moved` with the counters that are higher than
    /// at the last call; those of one slot never come before its owner.
    pub fn drain(&mut self, claimed: &mut Vec<Claimed>, moved: &mut Vec<Reading>) {
        claimed.clear();
        moved.clear();
        self.find_owners(claimed);
        let end = self.last.len();
        let (last, slots, stride) = (&mut self.last, &*self.slots, self.stride);
        let mut read = |slot: usize| moved.extend(read(last, slots, stride, slot));
        // Their marks may have been taken when their owners were not known yet.
        for claimed in claimed.iter() {
            read(claimed.slot as usize);
        }
        if let Some(marks) = &self.marks {
            marks.take(end, &mut read);
        }
        if std::mem::take(&mut self.look_at_all) || self.marks.is_none() {
            (0..end).for_each(read);
        }
    }

    /// Looks for owners when the kernel has given out slots. It hands them out in order, but for
    /// the few that two CPUs claimed at once: those come back at the end of the queue.
    fn find_owners(&mut self, claimed: &mut Vec<Claimed>) {
        let claims = self.registry[word::CLAIMS].load(Acquire);
        let first_look = self.gap == 0;
        if claims == self.claims_seen && !first_look {
            return;
        }
        let reserved = FIRST_ACCOUNT_SLOT as usize;
        if first_look {
            (0..reserved).for_each(|index| {
                self.claim(index, claimed);
            });
            self.gap = reserved;
        }
        let mut missing = claims - self.claims_seen;
        for index in self.gap..self.slot_count() {
            if missing == 0 {
                break;
            }
            if self.claim(index, claimed) {
                missing -= 1;
            }
        }
        self.claims_seen = claims - missing;
        while self.last.get(self.gap).is_some_and(Option::is_some) {
            self.gap += 1;
        }
    }

    /// Whether the slot has an owner that was not known; it is now.
    fn claim(&mut self, index: usize, claimed: &mut Vec<Claimed>) -> bool {
        let Some(owner) = self.slots.get(index * self.stride + word::OWNER) else { return false };
        let (Some(owner), Ok(slot)) = (Owner::decode(owner.load(Acquire)), u32::try_from(index))
        else {
            return false;
        };
        if self.last.len() <= index {
            self.last.resize(index + 1, None);
        }
        if self.last[index].is_some() {
            return false;
        }
        self.last[index] = Some(Bytes::default());
        claimed.push(Claimed { slot, owner });
        true
    }
}

/// The counters of a slot, if its owner is known and they are not what they were.
fn read(
    last: &mut [Option<Bytes>],
    slots: &[AtomicU64],
    stride: usize,
    slot: usize,
) -> Option<Reading> {
    let last = last.get_mut(slot)?.as_mut()?;
    let words = slots.get(slot * stride..(slot + 1) * stride)?;
    let bytes = Bytes {
        uplink: words[word::UPLINK_BYTES].load(Relaxed),
        downlink: words[word::DOWNLINK_BYTES].load(Relaxed),
    };
    let moved = bytes != *last;
    *last = bytes;
    Some(Reading { slot: u32::try_from(slot).ok()?, bytes }).filter(|_| moved)
}
