//! Which slots have counted since the last look: a drain reads these, and no others.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use vpnmon_common::slot::MARKS_A_VALUE;

use super::mapped::MappedWords;

/// A byte a slot, set by the kernel programs after they have counted.
#[derive(Debug)]
pub struct Marks(MappedWords);

impl Marks {
    /// Over the memory of the map.
    pub const fn new(words: MappedWords) -> Self {
        Self(words)
    }

    /// Takes the marks of the slots below `end` away and tells which there were, in order.
    ///
    /// What the caller reads of a slot after that is at least what it had counted when it was
    /// marked; a packet that counts later marks it again.
    pub fn take(&self, end: usize, marked: impl FnMut(usize)) {
        take(&self.0[..end.div_ceil(SLOTS).min(self.0.len())], marked);
    }
}

/// Slots of a word.
const SLOTS: usize = MARKS_A_VALUE as usize;

fn take(words: &[AtomicU64], mut marked: impl FnMut(usize)) {
    for (index, word) in words.iter().enumerate() {
        // Nearly all are zero, and a plain load leaves their cache lines to the programs.
        if word.load(Relaxed) == 0 {
            continue;
        }
        // In the order of memory, for the programs write single bytes.
        let marks = word.swap(0, SeqCst).to_ne_bytes();
        for (byte, _) in marks.iter().enumerate().filter(|(_, mark)| **mark != 0) {
            marked(index * SLOTS + byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_once_and_in_order() {
        let bytes = [[0, 1, 0, 0, 0, 0, 0, 1], [0; 8], [1, 0, 0, 0, 0, 0, 0, 0]];
        let words = bytes.map(|bytes| AtomicU64::new(u64::from_ne_bytes(bytes)));
        let taken = || {
            let mut slots = Vec::new();
            take(&words, |slot| slots.push(slot));
            slots
        };
        assert_eq!(taken(), [1, 7, 16]);
        assert!(taken().is_empty());
    }
}
