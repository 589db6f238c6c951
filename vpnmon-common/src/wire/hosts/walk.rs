//! The way through the bytes of one packet, a chunk at a time.

use crate::wire::PacketBytes;

/// Bytes of a chunk. Less than the headers before any TCP payload (20 and 20), so that the chunk
/// that ends with the packet never begins before it.
const CHUNK: u32 = 32;

/// Where the reading of a packet is. Plain data; all zeros is a packet with nothing in it.
///
/// Kernels before 5.12 let no program read its stack at a place found at run time, so in the kernel
/// this lies in a map too. Not in one for each CPU, unless nothing can come between: a softirq that
/// reads another packet there would leave its chunk behind.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Walk {
    /// Offset of the next byte, as [`PacketBytes::load`] counts.
    pub(super) at: u32,
    /// Offset of the end of what is read of this packet.
    pub(super) end: u32,
    /// Offset of the chunk.
    chunk_at: u32,
    /// Bytes in it: 0 or all.
    chunk_len: u32,
    /// In words, which the target reads and copies eight times as fast as bytes.
    chunk: [u64; 4],
}

impl Walk {
    /// Sets out from `at` to `end`. What is left of the chunk before is not worth clearing.
    #[inline(always)]
    pub const fn set_out(&mut self, at: u32, end: u32) {
        self.at = at;
        self.end = end;
        self.chunk_len = 0;
    }

    /// Bytes that are left.
    #[inline(always)]
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.end.saturating_sub(self.at)
    }

    /// The next byte, if its chunk has been loaded.
    #[inline(always)]
    pub(super) fn byte(&self) -> Option<u8> {
        let index = self.at.wrapping_sub(self.chunk_at);
        if index >= self.chunk_len {
            return None;
        }
        let word = self.chunk.get((index / 8) as usize & 3)?;
        let [byte, ..] = (word >> (index % 8 * 8)).to_le_bytes();
        Some(byte)
    }

    /// The next four bytes, if they are all in the chunk that has been loaded.
    #[inline(always)]
    pub(super) fn four(&self) -> Option<[u8; 4]> {
        let index = self.at.wrapping_sub(self.chunk_at);
        if index >= self.chunk_len || index > CHUNK - 4 {
            return None;
        }
        let first = (index / 8) as usize & 3;
        let shift = index % 8 * 8;
        let mut word = self.chunk.get(first)? >> shift;
        if shift > 32 {
            word |= self.chunk.get((first + 1) & 3)? << (64 - shift);
        }
        let [a, b, c, d, ..] = word.to_le_bytes();
        Some([a, b, c, d])
    }

    /// Loads the chunk with the next byte: from there on, or where that is too near to the end, the
    /// one that ends there. False if the packet has no such bytes.
    #[inline(always)]
    pub(super) fn load(&mut self, packet: &impl PacketBytes) -> bool {
        let last = self.end.saturating_sub(CHUNK);
        let at = if self.at < last { self.at } else { last };
        let Some(chunk) = packet.load_chunk(at) else { return false };
        self.chunk = chunk;
        self.chunk_at = at;
        self.chunk_len = CHUNK;
        true
    }

    /// How many of the next bytes are surely not below `limit`; only asked of a chunk just loaded.
    #[inline(always)]
    pub(super) fn not_below(&self, limit: u8) -> u32 {
        let [a, b, c, d] = self.chunk;
        match () {
            () if self.at != self.chunk_at || has_below(a, limit) => 0,
            () if has_below(b, limit) => 8,
            () if has_below(c, limit) => 16,
            () if has_below(d, limit) => 24,
            () => CHUNK,
        }
    }
}

/// Whether one of eight bytes is below `limit`, at most 128: the subtraction then borrows into the
/// high bit of a byte that has none, and only then does the first such borrow happen.
#[inline(always)]
const fn has_below(word: u64, limit: u8) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    word.wrapping_sub(ONES * limit as u64) & !word & (ONES << 7) != 0
}
