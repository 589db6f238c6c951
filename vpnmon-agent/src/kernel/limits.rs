//! Telling the programs how far accounts may go.

use std::{collections::HashSet, sync::atomic::Ordering::SeqCst};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, MapData},
};
use vpnmon_common::{
    limit::{Limit, LimitWords},
    names::{LIMITS, SLOTS},
    slot::{Slot, word},
};

use super::{mapped::MappedWords, object::writable};

/// Copies a value under its lock (kernel 5.1).
const BPF_F_LOCK: u64 = 4;
const SLOT_WORDS: usize = size_of::<Slot>() / 8;

/// The limits, and the word in each slot that says whether it has one.
pub struct Limits {
    values: Array<MapData, LimitWords>,
    slots: MappedWords,
    /// Those that this agent has been told of.
    known: HashSet<u32>,
}

impl Limits {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self> {
        let map =
            ebpf.take_map(LIMITS).with_context(|| format!("no map {LIMITS} in the object"))?;
        let values: Array<_, LimitWords> = Array::try_from(map)?;
        let slots = usize::try_from(values.len())?;
        let slots = writable(ebpf, SLOTS, slots * SLOT_WORDS)?;
        Ok(Self { values, slots, known: HashSet::new() })
    }

    /// From the next packet on the slot is refused what goes beyond `limit`. Whether the kernel has
    /// refused something at just this threshold before this agent was there, and goes on refusing.
    pub fn set(&mut self, slot: u32, limit: Limit) -> Result<bool> {
        let is_adopted = self.known.insert(slot) && self.is_limited(slot);
        let there = Limit::decode(self.values.get(&slot, BPF_F_LOCK)?);
        let stays_cut = is_adopted && there == Limit { is_cut: true, ..limit };
        log::debug!("slot {slot}: {limit:?}; there was {there:?}");
        if !stays_cut {
            self.values.set(slot, limit.encode(), BPF_F_LOCK).context("cannot set a limit")?;
            self.flag(slot, 1);
        }
        Ok(stays_cut && !limit.is_cut)
    }

    /// The slot has no limit any more.
    pub fn remove(&mut self, slot: u32) {
        self.known.insert(slot);
        self.flag(slot, 0);
    }

    /// Lets go of all that this agent was not told of: limits of an earlier one that are gone.
    pub fn keep_known(&mut self) {
        let limited = (0..self.values.len()).filter(|slot| self.is_limited(*slot));
        let unknown: Vec<_> = limited.filter(|slot| !self.known.contains(slot)).collect();
        for slot in unknown {
            self.remove(slot);
        }
    }

    fn is_limited(&self, slot: u32) -> bool {
        self.word(slot).is_some_and(|word| word.load(SeqCst) != 0)
    }

    fn flag(&self, slot: u32, value: u64) {
        if let Some(word) = self.word(slot) {
            word.store(value, SeqCst);
        }
    }

    fn word(&self, slot: u32) -> Option<&std::sync::atomic::AtomicU64> {
        let slot = usize::try_from(slot).ok()?;
        self.slots.get(slot * SLOT_WORDS + word::IS_LIMITED)
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limits")
    }
}
