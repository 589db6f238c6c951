//! The state of the machine, and which part of it a byte goes to.

use super::{
    Ended, Names,
    phase::{Phase, Seen},
    step::Step,
    words::Words,
};

/// The machine's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Scan {
    pub(super) names: Names,
    /// The number that is being read, most significant byte first.
    pub(super) number: u32,
    /// Bytes of the hello that nobody needs to look at.
    pub(super) skip: u16,
    /// Bytes left of the record.
    pub(super) record_left: u16,
    /// Bytes left of the handshake message.
    pub(super) body_left: u16,
    /// Bytes left of the block of extensions, without the extension that is being read.
    pub(super) block_left: u16,
    /// Bytes left of the extension, list or name that is being read.
    pub(super) piece_left: u16,
    /// Words that a method or a header name can still be.
    pub(super) candidates: Words,
    /// Bytes left of the number.
    pub(super) number_left: u8,
    /// Bytes read of the record's header.
    pub(super) record_at: u8,
    /// The upper byte of its length.
    pub(super) record_high: u8,
    /// Bytes read of a word.
    pub(super) column: u8,
    /// [`super::pieces::Place`] of the value that is being read.
    pub(super) place: u8,
    pub(super) phase: Phase,
    pub(super) seen: Seen,
    _reserved: u8,
}

impl Scan {
    /// Begins anew. What is not written here is written before it is read; to clear all of it would
    /// cost a SYN some thousand instructions.
    #[inline(always)]
    pub(super) const fn reset(&mut self) {
        self.names.clear(false);
        self.skip = 0;
        self.record_left = 0;
        self.seen = Seen::NOTHING;
        self.phase = Phase::START;
    }

    #[inline(always)]
    pub(super) const fn is_over(&self) -> bool {
        self.phase.0 == Phase::OVER.0
    }

    #[inline(always)]
    pub(super) const fn is_between_messages(&self) -> bool {
        self.phase.0 == Phase::START.0
    }

    /// Bytes from here up mean nothing now; 0 where all are looked at.
    #[inline(always)]
    pub(super) const fn dull_from(&self) -> u8 {
        match self.phase {
            Phase::DULL | Phase::PROXY_REST => b'\n' + 1,
            Phase::TARGET_REST => b' ' + 1,
            _ => 0,
        }
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) -> Step {
        match self.phase {
            Phase::START => self.start(byte),
            phase if phase <= Phase::NAME => self.tls_byte(byte),
            phase if phase < Phase::LINE_START => self.request_byte(byte),
            _ => self.header_byte(byte),
        }
    }

    /// The first byte of a flow, or of what follows a request.
    #[inline(always)]
    fn start(&mut self, byte: u8) -> Step {
        self.names.clear(self.seen.has(Seen::PROXY_LINE));
        self.seen.forget_message();
        match byte {
            super::tls::HANDSHAKE => self.start_tls(),
            b'A'..=b'Z' | b'a'..=b'z' => self.start_request(byte),
            // Empty lines before a request are no mistake (RFC 9112 section 2.2).
            b'\r' | b'\n' => Step::More,
            _ => self.other_protocol(),
        }
    }

    /// What follows is not for this machine.
    #[inline(always)]
    pub(super) const fn other_protocol(&self) -> Step {
        let names = self.seen.has(Seen::NAMES);
        Step::Ended(if names { Ended::Read } else { Ended::OtherProtocol })
    }

    /// A message has been read whole.
    #[inline(always)]
    pub(super) fn message_read(&mut self, next: Phase) -> Step {
        self.phase = next;
        if self.names.any() {
            self.seen.set(Seen::NAMES);
            return Step::Named;
        }
        if next == Phase::OVER { Step::Ended(Ended::NoName) } else { Step::More }
    }

    #[inline(always)]
    pub(super) const fn go(&mut self, next: Phase) -> Step {
        self.phase = next;
        Step::More
    }
}
