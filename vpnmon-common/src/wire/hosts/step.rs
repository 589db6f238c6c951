//! The step: a byte, a chunk or a skip.

use super::{
    Ended, HostFlow, extensions::EXTENSION_HEADER, flow::MAX_LOOKED, phase::Phase, walk::Walk,
};
use crate::wire::PacketBytes;

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to read in this packet.
    More,
    /// The packet has been read: wait for the next.
    PacketRead,
    /// [`HostFlow::names`] has something to tell. Copy it, then go on.
    Named,
    /// Nothing more will be read of this flow.
    Ended(Ended),
}

impl HostFlow {
    /// Reads the next byte, or goes past bytes that need no reading. Any number of steps may be made
    /// at a time; a packet that has run out of them can be gone on with, or is a gap.
    #[inline(always)]
    pub fn step(&mut self, walk: &mut Walk, packet: &impl PacketBytes) -> Step {
        let step = self.open_step(walk, packet);
        if matches!(step, Step::Ended(_)) {
            self.scan.phase = Phase::OVER;
        }
        step
    }

    /// Each way through here ends by itself: where two ways meet with different numbers at hand, the
    /// verifier follows the rest twice.
    #[inline(always)]
    fn open_step(&mut self, walk: &mut Walk, packet: &impl PacketBytes) -> Step {
        if self.scan.is_over() || walk.left() == 0 {
            return self.nothing_left();
        }
        if self.scan.skips() {
            return self.skip(walk);
        }
        if self.scan.awaits_extension() && walk.left() >= u32::from(EXTENSION_HEADER) {
            let Some(header) = walk.four() else { return self.load(walk, packet) };
            self.advance(walk, EXTENSION_HEADER.into());
            return match self.scan.extension_header(header) {
                Ok(()) if self.scan.skips() => self.skip(walk),
                Ok(()) => Step::More,
                Err(why) => Step::Ended(why),
            };
        }
        let Some(byte) = walk.byte() else { return self.load(walk, packet) };
        self.advance(walk, 1);
        self.scan.byte(byte)
    }

    /// Goes past bytes that need no reading, as far as they are in this packet.
    #[inline(always)]
    fn skip(&mut self, walk: &mut Walk) -> Step {
        let bytes = min(self.scan.skippable(), walk.left());
        self.advance(walk, bytes);
        self.scan.skip(bytes)
    }

    #[inline(always)]
    const fn nothing_left(&self) -> Step {
        match () {
            () if self.scan.is_over() => Step::Ended(Ended::Read),
            () if self.looked < MAX_LOOKED => Step::PacketRead,
            () if self.scan.is_between_messages() => Step::Ended(Ended::Read),
            () => Step::Ended(Ended::TooLong),
        }
    }

    /// A step of its own: the next bytes, less those that mean nothing.
    #[inline(always)]
    fn load(&mut self, walk: &mut Walk, packet: &impl PacketBytes) -> Step {
        if !walk.load(packet) {
            return Step::Ended(Ended::Unreadable);
        }
        let limit = self.scan.dull_from();
        if limit != 0 {
            let dull = walk.not_below(limit);
            self.advance(walk, dull);
        }
        Step::More
    }

    #[inline(always)]
    const fn advance(&mut self, walk: &mut Walk, bytes: u32) {
        walk.at = walk.at.wrapping_add(bytes);
        self.next_seq = self.next_seq.wrapping_add(bytes);
        self.looked = self.looked.wrapping_add(bytes);
    }
}

#[inline(always)]
pub(super) const fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}
