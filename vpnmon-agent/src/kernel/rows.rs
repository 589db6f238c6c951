//! The rows of interfaces: one a name, so that an interface that comes back goes on with its row.

use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context as _, Result};
use aya::maps::{Array, MapData};
use vpnmon_common::interface::word;

use super::mapped::MappedWords;

/// What one interface has carried since the maps were made, in IP bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Sent.
    pub egress: u64,
    /// Received.
    pub ingress: u64,
    /// Of all that, what was between other machines.
    pub forwarded: u64,
}

/// The rows, seen in memory, and the map to write names with.
pub struct Rows {
    words: MappedWords,
    map: Array<MapData, [u64; word::COUNT]>,
}

impl Rows {
    /// Both views of the same map.
    pub const fn new(words: MappedWords, map: Array<MapData, [u64; word::COUNT]>) -> Self {
        Self { words, map }
    }

    /// The row of a name, given to it now if it has none. Nothing may count in a new row yet.
    pub fn of(&mut self, name: &str) -> Result<u16> {
        let name = name_words(name);
        let mut rows = self.words.chunks_exact(word::COUNT);
        let found = rows.position(|row| {
            let there = [row[0].load(Relaxed), row[1].load(Relaxed)];
            there == name || there == [0; 2]
        });
        let row = found
            .context("there are no rows left for more names; run `detach` to be rid of old ones")?;
        let index = u32::try_from(row)?;
        if self.words[row * word::COUNT].load(Relaxed) == 0 {
            self.map.set(index, [name[0], name[1], 0, 0, 0, 0, 0, 0], 0)?;
        }
        Ok(u16::try_from(row)?)
    }

    /// Whether any has a name.
    pub fn has_any(&self) -> bool {
        self.words[0].load(Relaxed) != 0
    }

    /// What a row has counted.
    pub fn carried(&self, row: u16) -> Carried {
        let row = usize::from(row) * word::COUNT;
        self.words.get(row..row + word::COUNT).map_or_else(Carried::default, |words| {
            let count = |at: usize| words[word::EGRESS_BYTES + at].load(Relaxed);
            // The parts first: what comes in between makes the whole larger, never the part.
            let forwarded = count(2) + count(3);
            Carried { egress: count(0), ingress: count(1), forwarded }
        })
    }

    /// What sockets of this machine must have moved over all interfaces there have been, both ways.
    pub fn local_bytes(&self) -> u64 {
        let names =
            self.words.chunks_exact(word::COUNT).take_while(|row| row[0].load(Relaxed) != 0);
        let rows = (0..).take(names.count()).map(|row| self.carried(row));
        rows.map(|row| (row.egress + row.ingress).saturating_sub(row.forwarded)).sum()
    }
}

/// The name as the row has it: at most 15 bytes, padded.
fn name_words(name: &str) -> [u64; 2] {
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(name.bytes()) {
        *byte = from;
    }
    let [first, second] = [&bytes[..8], &bytes[8..]];
    [first, second].map(|half| u64::from_ne_bytes(half.try_into().unwrap_or_default()))
}

#[test]
fn names_are_never_zero() {
    assert_eq!(name_words("eth0")[1], 0);
    assert_ne!(name_words("a")[0], 0);
    assert_ne!(name_words("fifteen-letters")[1], 0);
}
