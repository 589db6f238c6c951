//! The extensions of a hello (RFC 8446 section 4.2), and the server name in one of them (RFC 6066
//! section 3).
//!
//! Servers take one name of type `host_name` that fills its extension and nothing else: the RFC
//! allows only one of each type, and there are no other types. So that is what is taken here.

use super::{
    Ended,
    names::{HostKind, MAX_SERVER_NAME},
    phase::{Phase, Seen},
    pieces::Place,
    scan::Scan,
    step::Step,
};

const SERVER_NAME: u32 = 0;
/// `encrypted_client_hello` (RFC 9849 section 5).
const INNER_HELLO: u32 = 0xfe0d;
const HOST_NAME: u32 = 0;

/// Extension type and length.
pub(super) const EXTENSION_HEADER: u16 = 4;
/// Name type and length.
const NAME_HEADER: u16 = 3;

impl Scan {
    #[inline(always)]
    pub(super) const fn block_len(&mut self, len: u16) -> Result<(), Ended> {
        self.block_left = len;
        self.want(len == self.body_left, Ended::ExtensionLength, Phase::EXTENSION_TYPE, 2)
    }

    /// Whether the header of an extension is next, with nothing of the record layer in it and
    /// something behind it: then it is read at once. Headers are most of what is read of a hello.
    #[inline(always)]
    pub(super) const fn awaits_extension(&self) -> bool {
        self.phase.0 == Phase::EXTENSION_TYPE.0
            && self.number_left == 2
            && self.record_left >= EXTENSION_HEADER
            && self.body_left > EXTENSION_HEADER
    }

    #[inline(always)]
    pub(super) fn extension_header(&mut self, header: [u8; 4]) -> Result<(), Ended> {
        self.record_left -= EXTENSION_HEADER;
        self.body_left -= EXTENSION_HEADER;
        let [kind, len] = [[header[0], header[1]], [header[2], header[3]]].map(u16::from_be_bytes);
        self.extension_type(kind.into())?;
        self.extension_len(len)
    }

    /// `piece_left` tells [`Scan::extension_len`] which extension it is.
    #[inline(always)]
    pub(super) const fn extension_type(&mut self, kind: u32) -> Result<(), Ended> {
        self.piece_left = (kind == SERVER_NAME) as u16;
        if kind == INNER_HELLO {
            self.seen.set(Seen::INNER_HELLO);
        }
        self.want(true, Ended::ExtensionLength, Phase::EXTENSION_LEN, 2)
    }

    #[inline(always)]
    pub(super) const fn extension_len(&mut self, len: u16) -> Result<(), Ended> {
        // Both have been read as bytes of the block before the block is found to be too short.
        let Some(left) = self.block_left.checked_sub(EXTENSION_HEADER) else {
            return Err(Ended::ExtensionLength);
        };
        if len > left {
            return Err(Ended::ExtensionLength);
        }
        self.block_left = left - len;
        if self.piece_left == 0 {
            return self.pass(len, true, Phase::EXTENSION_TYPE, 2);
        }
        self.piece_left = len;
        let first = !self.seen.has(Seen::SERVER_NAME);
        self.seen.set(Seen::SERVER_NAME);
        self.want(first, Ended::TwoServerNames, Phase::LIST_LEN, 2)
    }

    #[inline(always)]
    pub(super) fn list_len(&mut self, len: u16) -> Result<(), Ended> {
        let fills = len != 0 && self.piece_left.checked_sub(2) == Some(len);
        self.piece_left = len;
        self.want(fills, Ended::ServerNameLength, Phase::NAME_TYPE, 1)
    }

    #[inline(always)]
    pub(super) const fn name_type(&mut self, kind: u32) -> Result<(), Ended> {
        self.want(kind == HOST_NAME, Ended::NameType, Phase::NAME_LEN, 2)
    }

    #[inline(always)]
    pub(super) fn name_len(&mut self, len: u16) -> Result<(), Ended> {
        let room = self.piece_left.saturating_sub(NAME_HEADER);
        match len {
            _ if len > room => return Err(Ended::ServerNameLength),
            0 => return Err(Ended::EmptyName),
            _ if len < room => return Err(Ended::TwoServerNames),
            _ if len > MAX_SERVER_NAME => return Err(Ended::NameTooLong),
            _ => (),
        }
        self.piece_left = len;
        self.names.begin();
        self.phase = Phase::NAME;
        Ok(())
    }

    #[inline(always)]
    pub(super) fn name_byte(&mut self, byte: u8) -> Step {
        self.names.push(byte);
        self.piece_left = self.piece_left.wrapping_sub(1);
        if self.piece_left == 0 {
            self.names.end(Place::HOST);
            self.names.set_kind(HostKind::Sni);
            self.read_number(Phase::EXTENSION_TYPE, 2);
        }
        Step::More
    }
}
