//! One direction of a TCP connection: which bytes are new.

use super::{Ended, Names, phase::Phase, scan::Scan, step::min, walk::Walk};

/// Bytes looked at in a flow, at most.
pub const MAX_LOOKED: u32 = 16 * 1024;

/// Segments that may come too early before a flow is given up. A hello that fits into one segment
/// can be overtaken and still be read; one whose parts are swapped is lost with its first part.
const MAX_EARLY: u8 = 8;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSegment {
    /// Sequence number in its header.
    pub seq: u32,
    /// Whether SYN is set: it takes the first sequence number (RFC 9293 section 3.4).
    pub syn: bool,
    /// Offset of the payload, as [`crate::wire::PacketBytes::load`] counts.
    pub payload_at: u32,
    /// Bytes of the payload.
    pub payload_len: u32,
}

/// What is known of a flow. Plain data; all zeros is a flow of which nothing has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct HostFlow {
    /// Sequence number of the first byte: tells a repeated SYN from that of a new connection.
    first_seq: u32,
    /// Sequence number of the next byte to read.
    pub(super) next_seq: u32,
    /// Bytes looked at.
    pub(super) looked: u32,
    /// 0 before the first byte's place is known.
    begun: u8,
    /// Segments that came too early.
    early: u8,
    _reserved: [u8; 2],
    pub(super) scan: Scan,
}

const _: () = assert!(size_of::<HostFlow>() == 348 && size_of::<Walk>() == 48);

impl HostFlow {
    /// Where [`HostFlow::names`] stands.
    pub const NAMES_AT: usize =
        core::mem::offset_of!(Self, scan) + core::mem::offset_of!(Scan, names);

    /// The names of the message that was read last.
    #[inline(always)]
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.scan.names
    }

    /// Whether there is nothing left to read, so that a caller may forget the flow.
    #[inline(always)]
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.scan.is_over()
    }

    /// Begins a flow whose first byte has sequence number `seq`: where no SYN was seen, but the
    /// socket knows that nothing has been sent or received yet. Else [`HostFlow::take`] does it.
    #[inline(always)]
    pub const fn begin(&mut self, seq: u32) {
        self.first_seq = seq;
        self.next_seq = seq;
        self.looked = 0;
        self.begun = 1;
        self.early = 0;
        self.scan.reset();
    }

    /// Sets `walk` on those bytes of `segment` that were not read before: of bytes that come twice,
    /// the first copy counts.
    #[inline(always)]
    pub fn take(&mut self, segment: TcpSegment, walk: &mut Walk) -> Result<(), Ended> {
        walk.set_out(0, 0);
        let first = segment.seq.wrapping_add(u32::from(segment.syn));
        if segment.syn && (self.begun == 0 || self.first_seq != first) {
            self.begin(first);
        }
        if self.begun == 0 {
            return Err(Ended::MidFlow);
        }
        let read_before = self.next_seq.wrapping_sub(first);
        if is_ahead(read_before) {
            return self.came_early(segment.payload_len);
        }
        if read_before < segment.payload_len {
            let len =
                min(segment.payload_len - read_before, MAX_LOOKED.saturating_sub(self.looked));
            let at = segment.payload_at.saturating_add(read_before);
            walk.set_out(at, at.saturating_add(len));
        }
        Ok(())
    }

    #[inline(always)]
    const fn came_early(&mut self, payload_len: u32) -> Result<(), Ended> {
        if payload_len == 0 {
            return Ok(());
        }
        self.early = self.early.saturating_add(1);
        if self.early <= MAX_EARLY {
            return Ok(());
        }
        self.scan.phase = Phase::OVER;
        Err(Ended::Gap)
    }
}

/// Whether a difference of sequence numbers is negative (RFC 9293 section 3.4).
#[inline(always)]
const fn is_ahead(difference: u32) -> bool {
    difference > u32::MAX / 2
}
