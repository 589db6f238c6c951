//! The ClientHello (RFC 8446 section 4.1.2).
//!
//! Its name is told when the whole message has been read and every length in it fits: a hello that
//! servers would refuse has no name.

use super::{
    Ended,
    flow::MAX_LOOKED,
    names::{HostKind, Names},
    phase::{Phase, Seen},
    scan::Scan,
    step::Step,
};

const CLIENT_HELLO: u32 = 1;

/// Handshake type and length.
const MESSAGE_HEADER: u16 = 4;
const RANDOM: u16 = 32;
const MAX_SESSION_ID: u16 = 32;

impl Scan {
    #[inline(always)]
    pub(super) const fn start_message(&mut self) {
        self.skip = 0;
        self.body_left = MESSAGE_HEADER;
        self.read_number(Phase::TYPE, 1);
    }

    /// A number of `len` bytes is next.
    #[inline(always)]
    pub(super) const fn read_number(&mut self, phase: Phase, len: u8) {
        self.phase = phase;
        self.number = 0;
        self.number_left = len;
    }

    /// The next byte of the message, whatever record it came in.
    #[inline(always)]
    pub(super) fn message_byte(&mut self, byte: u8) -> Step {
        self.body_left = self.body_left.wrapping_sub(1);
        let step =
            if self.phase == Phase::NAME { self.name_byte(byte) } else { self.number_byte(byte) };
        if step == Step::More && self.body_left == 0 { self.message_end() } else { step }
    }

    #[inline(always)]
    fn number_byte(&mut self, byte: u8) -> Step {
        self.number = (self.number << 8) | u32::from(byte);
        self.number_left = self.number_left.wrapping_sub(1);
        if self.number_left != 0 {
            return Step::More;
        }
        match self.number_read(self.number) {
            Ok(()) => Step::More,
            Err(why) => Step::Ended(why),
        }
    }

    #[inline(always)]
    fn number_read(&mut self, number: u32) -> Result<(), Ended> {
        if self.phase == Phase::BODY_LEN {
            return self.body_len(number);
        }
        // All others have at most two bytes.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        let len = number as u16;
        match self.phase {
            Phase::TYPE => self.want(number == CLIENT_HELLO, Ended::NotHello, Phase::BODY_LEN, 3),
            Phase::VERSION => self.pass(RANDOM, number >> 8 == 3, Phase::SESSION_LEN, 1),
            Phase::SESSION_LEN => self.pass(len, len <= MAX_SESSION_ID, Phase::SUITES_LEN, 2),
            Phase::SUITES_LEN => {
                self.pass(len, len >= 2 && len.is_multiple_of(2), Phase::COMPRESSION_LEN, 1)
            }
            Phase::COMPRESSION_LEN => self.pass(len, len >= 1, Phase::BLOCK_LEN, 2),
            Phase::BLOCK_LEN => self.block_len(len),
            Phase::EXTENSION_TYPE => self.extension_type(number),
            Phase::EXTENSION_LEN => self.extension_len(len),
            Phase::LIST_LEN => self.list_len(len),
            Phase::NAME_TYPE => self.name_type(number),
            _ => self.name_len(len),
        }
    }

    #[inline(always)]
    pub(super) const fn want(
        &mut self,
        good: bool,
        or: Ended,
        next: Phase,
        len: u8,
    ) -> Result<(), Ended> {
        self.read_number(next, len);
        if good { Ok(()) } else { Err(or) }
    }

    /// Passes over a vector of `len` bytes.
    #[inline(always)]
    pub(super) const fn pass(
        &mut self,
        len: u16,
        good: bool,
        next: Phase,
        number: u8,
    ) -> Result<(), Ended> {
        self.skip = len;
        self.want(good && len <= self.body_left, Ended::HelloLength, next, number)
    }

    #[inline(always)]
    const fn body_len(&mut self, len: u32) -> Result<(), Ended> {
        if len > MAX_LOOKED {
            return Err(Ended::TooLong);
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        let len = len as u16;
        self.body_left = len;
        self.want(len != 0, Ended::HelloLength, Phase::VERSION, 2)
    }

    /// The last byte of the message has been read. It must have been the last of all that is in it;
    /// hellos from before RFC 3546 end without a block of extensions.
    #[inline(always)]
    pub(super) fn message_end(&mut self) -> Step {
        let at_boundary = self.number_left == 2 && self.skip == 0;
        match self.phase {
            Phase::BLOCK_LEN if at_boundary => self.hello_read(),
            Phase::EXTENSION_TYPE if at_boundary && self.block_left == 0 => self.hello_read(),
            phase if phase >= Phase::LIST_LEN => Step::Ended(Ended::ServerNameLength),
            phase if phase >= Phase::EXTENSION_TYPE => Step::Ended(Ended::ExtensionLength),
            _ => Step::Ended(Ended::HelloLength),
        }
    }

    #[inline(always)]
    fn hello_read(&mut self) -> Step {
        if self.seen.has(Seen::INNER_HELLO) && self.names.has_host() {
            self.names.set_kind(HostKind::OuterSni);
        }
        self.message_read(Phase::OVER)
    }
}

/// The names of a whole handshake message: the same machine without records, as QUIC has it (RFC
/// 9001 section 4.1.3).
pub fn handshake_name(message: &[u8]) -> Result<Names, Ended> {
    let mut scan = Scan::default();
    scan.start_message();
    for byte in message {
        let step = if scan.skip == 0 {
            scan.message_byte(*byte)
        } else {
            scan.skip -= 1;
            scan.body_left -= 1;
            if scan.body_left == 0 { scan.message_end() } else { Step::More }
        };
        match step {
            Step::Named => return Ok(scan.names),
            Step::Ended(why) => return Err(why),
            Step::More | Step::PacketRead => (),
        }
    }
    Err(Ended::HelloLength)
}
