//! Which slots have counted since the last look: a drain reads these, and no others.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

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
    pub fn take(&self, end: usize, mut marked: impl FnMut(usize)) {
        const SLOTS: usize = size_of::<u64>();
        for (index, word) in self.0.iter().take(end.div_ceil(SLOTS)).enumerate() {
            // Nearly all are zero, and a plain load leaves their cache lines to the programs.
            if word.load(Relaxed) == 0 {
                continue;
            }
            // In the order of memory, as the programs write single bytes.
            let marks = word.swap(0, SeqCst).to_ne_bytes();
            for (byte, _) in marks.iter().enumerate().filter(|(_, mark)| **mark != 0) {
                marked(index * SLOTS + byte);
            }
        }
    }
}
