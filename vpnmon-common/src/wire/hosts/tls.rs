//! The record layer of TLS (RFC 8446 section 5.1, RFC 5246 section 6.2.1).
//!
//! Its counter runs beside that of the handshake message, so that a record's header may stand
//! anywhere in a message. Records without content are read over, as servers do.

use super::{Ended, phase::Phase, scan::Scan, step::Step};

/// Content type of handshake messages.
pub(super) const HANDSHAKE: u8 = 22;
/// Longest plaintext of a record.
const MAX_RECORD: u16 = 1 << 14;

impl Scan {
    /// The first byte has been the content type of a record.
    #[inline(always)]
    pub(super) const fn start_tls(&mut self) -> Step {
        self.record_at = 1;
        self.record_left = 0;
        self.start_message();
        Step::More
    }

    #[inline(always)]
    pub(super) fn tls_byte(&mut self, byte: u8) -> Step {
        if self.record_left == 0 {
            return self.record_header_byte(byte);
        }
        self.record_left -= 1;
        self.message_byte(byte)
    }

    #[inline(always)]
    fn record_header_byte(&mut self, byte: u8) -> Step {
        let at = self.record_at;
        self.record_at = at.wrapping_add(1);
        match at {
            0 if byte != HANDSHAKE => return self.no_record(Ended::Interleaved),
            // The major version is 3 in all of SSL 3 and TLS; the minor one means nothing.
            1 if byte != 3 => return self.no_record(Ended::Record),
            3 => self.record_high = byte,
            4 => return self.record_len(byte),
            _ => (),
        }
        Step::More
    }

    #[inline(always)]
    fn record_len(&mut self, low: u8) -> Step {
        let len = u16::from_be_bytes([self.record_high, low]);
        self.record_at = 0;
        if len > MAX_RECORD {
            return self.no_record(Ended::Record);
        }
        self.record_left = len;
        Step::More
    }

    /// Before the first byte of a message, this may be anything; within one, it is a broken hello.
    #[inline(always)]
    fn no_record(&self, why: Ended) -> Step {
        if self.phase == Phase::TYPE { self.other_protocol() } else { Step::Ended(why) }
    }

    /// Whether the next bytes need no reading.
    #[inline(always)]
    pub(super) const fn skips(&self) -> bool {
        self.skip != 0 && self.record_left != 0
    }

    /// How many.
    #[inline(always)]
    pub(super) const fn skippable(&self) -> u32 {
        let skip = if self.skip < self.record_left { self.skip } else { self.record_left };
        skip as u32
    }

    /// Goes past `bytes`, at most [`Scan::skippable`].
    #[inline(always)]
    pub(super) fn skip(&mut self, bytes: u32) -> Step {
        #[expect(clippy::cast_possible_truncation, reason = "at most what `skippable` said, a u16")]
        let bytes = bytes as u16;
        self.skip = self.skip.saturating_sub(bytes);
        self.record_left = self.record_left.saturating_sub(bytes);
        self.body_left = self.body_left.saturating_sub(bytes);
        if self.body_left == 0 { self.message_end() } else { Step::More }
    }
}
