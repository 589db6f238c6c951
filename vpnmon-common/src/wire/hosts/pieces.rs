//! How names are put down, a byte at a time.

use super::names::{HostKind, MAX_HOST, Names, Span};

/// Length of a piece that found no room.
const OVERFULL: u16 = u16::MAX;

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) u8);

impl Place {
    pub(super) const NONE: Self = Self(0);
    pub(super) const HOST: Self = Self(1);
    pub(super) const PROXY_HOST: Self = Self(2);
    pub(super) const CLIENT: Self = Self(3);
}

impl Names {
    /// Whether there is something to tell.
    #[inline(always)]
    pub(super) const fn any(&self) -> bool {
        !self.host.is_empty() || !self.proxy_host.is_empty() || self.dropped != 0
    }

    #[inline(always)]
    pub(super) const fn has(&self, place: Place) -> bool {
        match place {
            Place::HOST => !self.host.is_empty(),
            Place::PROXY_HOST => !self.proxy_host.is_empty(),
            _ => !self.client.is_empty(),
        }
    }

    #[inline(always)]
    pub(super) const fn set_kind(&mut self, kind: HostKind) {
        self.kind = kind as u8;
    }

    /// Forgets the last message; the client's address stays where a PROXY line said it.
    #[inline(always)]
    pub(super) const fn clear(&mut self, keep_client: bool) {
        let none = Span { start: 0, len: 0 };
        self.host = none;
        self.proxy_host = none;
        self.kind = 0;
        self.dropped = 0;
        self.used = self.client.start + self.client.len;
        if !keep_client {
            self.client = none;
            self.used = 0;
        }
    }

    /// Begins a piece, or begins it again.
    #[inline(always)]
    pub(super) const fn begin(&mut self) {
        self.piece = Span { start: self.used, len: 0 };
    }

    #[inline(always)]
    pub(super) const fn begin_again(&mut self) {
        self.used = self.piece.start;
        self.piece.len = 0;
    }

    /// One more byte of the piece. What finds no room is noticed by [`Names::end`].
    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        if self.piece.len == OVERFULL || !self.push_blank(byte) {
            self.piece.len = OVERFULL;
            return;
        }
        self.piece.len = self.used - self.piece.start;
    }

    /// One more byte, which belongs to the piece only if others follow. False if there is no room.
    #[inline(always)]
    pub(super) fn push_blank(&mut self, byte: u8) -> bool {
        let Some(place) = self.bytes.get_mut(usize::from(self.used)) else { return false };
        *place = byte;
        self.used += 1;
        true
    }

    /// Ends the piece, without the blanks behind it. One longer than [`MAX_HOST`] or than the room
    /// that was left is dropped, never shortened.
    #[inline(always)]
    pub(super) const fn end(&mut self, place: Place) {
        if self.piece.len > MAX_HOST {
            self.used = self.piece.start;
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.used = self.piece.start + self.piece.len;
        match place {
            Place::HOST => self.host = self.piece,
            Place::PROXY_HOST => self.proxy_host = self.piece,
            _ => self.client = self.piece,
        }
    }
}
