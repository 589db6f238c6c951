//! Reading the counters: memory, not system calls.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed},
    },
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
    /// By slot, where clients of tunnels are known: their addresses.
    addresses: Option<MappedWords>,
    /// Which slots have moved; without them a drain looks at all.
    marks: Option<Marks>,
    look_at_all: bool,
    /// By slot; `None` where no owner is known.
    last: Vec<Option<Seen>>,
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
            addresses: None,
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

    /// The same, with the addresses of tunnel clients.
    pub(super) fn with_addresses(self, addresses: MappedWords) -> Self {
        Self { addresses: Some(addresses), ..self }
    }

    /// The address of the client whose slot this is. In the order of memory, for the program writes
    /// bytes.
    pub fn client(&self, slot: u32) -> Option<IpAddr> {
        let first = usize::try_from(slot).ok()? * 2;
        let words = self.addresses.as_ref()?.get(first..first + 2)?;
        let [high, low] = [&words[0], &words[1]].map(|word| word.load(Relaxed).to_ne_bytes());
        let address = [high, low].as_flattened().try_into().ok().map(<[u8; 16]>::into);
        address.map(|address: Ipv6Addr| address.to_canonical())
    }

    /// What sockets have moved over metered interfaces, both ways, in all slots: those included
    /// whose owner is not known yet.
    pub fn socket_bytes(&self) -> u64 {
        let has_limits = self.layout() >= word::FIRST_LAYOUT_WITH_LIMITS;
        let slots = self.slots.chunks_exact(self.stride);
        let known = slots.take(self.last.len().max(FIRST_ACCOUNT_SLOT as usize));
        let of_sockets = known.filter(|words| {
            let owner = Owner::decode(words[word::OWNER].load(Relaxed));
            !matches!(owner, Some(Owner::Forward(_) | Owner::ForwardOther))
        });
        let bytes = of_sockets.map(|words| {
            // What a limit has refused had come over the interface all the same.
            let refused =
                if has_limits { Some(&words[word::REFUSED_DOWNLINK_BYTES]) } else { None };
            let counters = [&words[word::UPLINK_BYTES], &words[word::DOWNLINK_BYTES]];
            let counters = counters.into_iter().chain(refused);
            counters.map(|counter| counter.load(Relaxed)).sum::<u64>()
        });
        bytes.sum()
    }

    /// [`vpnmon_common::slot::LAYOUT`] of the build that made the maps.
    pub fn layout(&self) -> u64 {
        self.registry[word::LAYOUT].load(Relaxed)
    }

    /// Names this life of the maps.
    pub fn generation(&self) -> u64 {
        self.registry[word::GENERATION].load(Relaxed)
    }

    /// How often a session has begun to wait for its user since the maps were made.
    pub fn waits(&self) -> u64 {
        self.registry.get(word::WAITS).map_or(0, |waits| waits.load(Relaxed))
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
        let layout = self.layout();
        let (last, slots, stride) = (&mut self.last, &*self.slots, self.stride);
        let mut read = |slot: usize| {
            let words = slots.get(slot * stride..(slot + 1) * stride);
            moved.extend(words.and_then(|words| read(last, words, layout, slot)));
        };
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
        self.last[index] = Some(Seen::default());
        claimed.push(Claimed { slot, owner });
        true
    }
}

/// What a slot's words were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    bytes: Bytes,
    refused: u64,
}

/// The counters of a slot, if its owner is known and they are not what they were.
fn read(
    last: &mut [Option<Seen>],
    words: &[AtomicU64],
    layout: u64,
    slot: usize,
) -> Option<Reading> {
    let last = last.get_mut(slot)?.as_mut()?;
    let count = |at: usize, since: u64| if layout >= since { words[at].load(Relaxed) } else { 0 };
    let sum = |outside: usize, inside: usize| {
        count(outside, 0) + count(inside, word::FIRST_LAYOUT_WITH_INSIDE)
    };
    // The refusals first: who sees one sees all that was counted before it.
    let refused = count(word::REFUSED_PACKETS, word::FIRST_LAYOUT_WITH_LIMITS);
    let bytes = Bytes {
        uplink: sum(word::UPLINK_BYTES, word::UPLINK_INSIDE_BYTES),
        downlink: sum(word::DOWNLINK_BYTES, word::DOWNLINK_INSIDE_BYTES),
    };
    let seen = Seen { bytes, refused };
    let moved = std::mem::replace(last, seen) != seen;
    let slot = u32::try_from(slot).ok()?;
    moved.then_some(Reading { slot, bytes, refused })
}
