//! Flows whose host is known: what they move counts apart, beside their owner's slot.

use core::sync::atomic::AtomicU64;

/// Most flows at a time; the part of a [`Flow`] that is an index has so many values.
pub const MAX_FLOWS: u32 = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 16;

/// One use of a row: its index in the lower bits, and above them a number that no two uses have, of
/// other agents' maps neither. So a socket that remembers a use that is over counts nowhere.
pub type Flow = u64;

/// The use with this number of the row at `index`. Never 0 unless both are.
#[must_use]
pub const fn flow(number: u64, index: u32) -> Flow {
    (number << INDEX_BITS) | (index % MAX_FLOWS) as u64
}

/// The row of a flow.
#[must_use]
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower bits of the word")]
pub const fn index(flow: Flow) -> u32 {
    flow as u32 % MAX_FLOWS
}

/// What one flow after the other has moved, in IP bytes on the wire. Half a cache line.
#[derive(Debug, Default)]
#[repr(C, align(32))]
pub struct FlowRow {
    /// The use that counts here; 0 while none does. Written by the agent.
    pub flow: AtomicU64,
    /// Sent, by all uses so far: the agent subtracts.
    pub uplink_bytes: AtomicU64,
    /// Received.
    pub downlink_bytes: AtomicU64,
    _reserved: AtomicU64,
}

/// Where, in words, a row has what.
pub mod word {
    /// [`super::FlowRow::flow`].
    pub const FLOW: usize = 0;
    /// [`super::FlowRow::uplink_bytes`].
    pub const UPLINK_BYTES: usize = 1;
    /// [`super::FlowRow::downlink_bytes`].
    pub const DOWNLINK_BYTES: usize = 2;
    /// Words of a row.
    pub const COUNT: usize = 4;
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(FlowRow, flow) == word::FLOW * 8);
    assert!(offset_of!(FlowRow, uplink_bytes) == word::UPLINK_BYTES * 8);
    assert!(offset_of!(FlowRow, downlink_bytes) == word::DOWNLINK_BYTES * 8);
    assert!(size_of::<FlowRow>() == word::COUNT * 8);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_of_a_row_are_told_apart() {
        for (number, at) in [(1, 0), (1, MAX_FLOWS - 1), (u64::MAX >> INDEX_BITS, 7)] {
            assert_eq!(index(flow(number, at)), at);
            assert_ne!(flow(number, at), flow(number - 1, at));
        }
    }
}
