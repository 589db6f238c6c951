//! The records that the kernel programs send to the agent about hosts.

use core::mem::offset_of;

use crate::{
    interface::Address,
    wire::hosts::{Ended, HostFlow, Names, Walk},
};

/// Where something was said: owner, way and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Sight {
    /// Nanoseconds since boot, as the starts of processes (`bpf_ktime_get_boot_ns`, kernel 5.8).
    pub at_ns: u64,
    /// [`crate::flow::Flow`] that counts what goes to the host and comes back; 0 where none does.
    pub flow: u64,
    /// Slot of the owner.
    pub slot: u32,
    /// [`Sight::EGRESS`] or [`Sight::INGRESS`], seen from the socket; or [`Sight::FORWARD`].
    pub direction: u32,
    /// Where the packet comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// Port of the source.
    pub source_port: u32,
    /// Port of the destination.
    pub destination_port: u32,
    /// What follows: see the records' own types.
    pub kind: u32,
    /// Bytes of it, where that varies.
    pub len: u32,
}

impl Sight {
    /// Said by the socket's owner.
    pub const EGRESS: u32 = 0;
    /// Said to it.
    pub const INGRESS: u32 = 1;
    /// Said by a tunnel's client whose packets pass through.
    pub const FORWARD: u32 = 2;

    /// Reads what a kernel program has written.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(record.get(at..at + 4)?.try_into().ok()?));
        let address = |at: usize| Some([word(at)?, word(at + 4)?, word(at + 8)?, word(at + 12)?]);
        Some(Self {
            at_ns: u64::from_ne_bytes(record.get(..8)?.try_into().ok()?),
            flow: u64::from_ne_bytes(record.get(8..16)?.try_into().ok()?),
            slot: word(offset_of!(Self, slot))?,
            direction: word(offset_of!(Self, direction))?,
            source: address(offset_of!(Self, source))?,
            destination: address(offset_of!(Self, destination))?,
            source_port: word(offset_of!(Self, source_port))?,
            destination_port: word(offset_of!(Self, destination_port))?,
            kind: word(offset_of!(Self, kind))?,
            len: word(offset_of!(Self, len))?,
        })
    }
}

/// Packets that can be read at the same time: more than any machine has CPUs for.
pub const SCRATCHES: u32 = 1024;

/// What a socket remembers of a stream that is read in more than one packet.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct HostStream {
    /// The stream.
    pub flow: HostFlow,
    /// [`Sight::EGRESS`] or [`Sight::INGRESS`]: the way that is read.
    pub reads: u32,
    /// 1 while a packet of it is being read, else 0.
    pub is_being_read: u32,
}

/// Where a packet is read. Its beginning, up to `walk`, is the record that is sent when there is one.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct HostMemory {
    /// Of the packet that completed the message.
    pub sight: Sight,
    /// The stream.
    pub flow: HostFlow,
    /// Where the reading of the packet is.
    pub walk: Walk,
    /// [`Sight::EGRESS`], [`Sight::INGRESS`] or [`Sight::FORWARD`]: the way that is read.
    pub reads: u32,
    /// Of a tunnel client's stream: the CPU that reads a packet of it just now, plus one; else 0.
    pub reader: u32,
}

impl HostMemory {
    /// Bytes of the record.
    pub const RECORD: usize = offset_of!(Self, walk);

    /// Reads a record.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<(Sight, Names)> {
        let names = record.get(offset_of!(Self, flow) + HostFlow::NAMES_AT..)?;
        Some((Sight::decode(record)?, Names::decode(names)?))
    }
}

/// Most bytes of a datagram that is sent on: what an Ethernet can carry.
pub const MAX_DATAGRAM: usize = 1472;

/// A datagram that user space is to read.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Datagram {
    /// `kind` is [`Datagram::QUIC`] or [`Datagram::DNS`], `len` the bytes of `payload` that are good.
    pub sight: Sight,
    /// Its payload.
    pub payload: [u8; MAX_DATAGRAM],
}

impl Datagram {
    /// A client's Initial.
    pub const QUIC: u32 = 1;
    /// A question.
    pub const DNS: u32 = 2;

    /// Reads a record.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<(Sight, &[u8])> {
        let sight = Sight::decode(record)?;
        let payload = record.get(offset_of!(Self, payload)..)?;
        Some((sight, payload.get(..usize::try_from(sight.len).ok()?)?))
    }
}

/// Counters of the array of losses and ends, by index: [`Ended::index`], then these.
pub mod count {
    use super::Ended;

    /// Records that found no room in their ring.
    #[expect(clippy::cast_possible_truncation, reason = "some dozens")]
    pub const RING_FULL: u32 = Ended::COUNT as u32;
    /// Streams that the kernel had no memory for.
    pub const NO_MEMORY: u32 = RING_FULL + 1;
    /// Datagrams that were too long to send.
    pub const TOO_LONG: u32 = RING_FULL + 2;
    /// Records that their source had told too many of.
    pub const RATE_LIMIT: u32 = RING_FULL + 3;
    /// Packets of tunnel clients that came in fragments, of which none is read.
    pub const FRAGMENT: u32 = RING_FULL + 4;
    /// How many there are.
    pub const ALL: u32 = RING_FULL + 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let mut record = [0; 76];
        record[..8].copy_from_slice(&9_u64.to_ne_bytes());
        record[8..16].copy_from_slice(&10_u64.to_ne_bytes());
        for (word, bytes) in (2..=14_u32).zip(record[16..68].chunks_exact_mut(4)) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        let expected = Sight {
            at_ns: 9,
            flow: 10,
            slot: 2,
            direction: 3,
            source: [4, 5, 6, 7],
            destination: [8, 9, 10, 11],
            source_port: 12,
            destination_port: 13,
            kind: 14,
            len: 0,
        };
        assert_eq!(Sight::decode(&record), Some(expected));
        assert_eq!(Sight::decode(&record[..71]), None);
        record[68..72].copy_from_slice(&3_u32.to_ne_bytes());
        record[72..].copy_from_slice(b"abcd");
        assert_eq!(Datagram::decode(&record).unwrap().1, b"abc");
        assert_eq!(Datagram::decode(&record[..74]), None);
    }
}
