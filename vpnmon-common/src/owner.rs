//! Whose bytes a slot counts.

use core::sync::atomic::AtomicU64;

/// The owner of a slot, as the kernel programs find it on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The packet had no full socket: request sockets and late acknowledgements.
    Unattributed,
    /// Accounts that found no free slot: everything beyond `meter.max_accounts`.
    Overflow,
    /// Loopback packets while `meter.loopback` is off.
    Loopback,
    /// What sshd and dropbear listen on, and the connections of their clients.
    Transport,
    /// The uid that made or accepted the socket, as the machine knows it.
    Uid(u32),
    /// A user of Xray, by the mark (`SO_MARK`) that Xray sets on the sockets it opens for that user.
    Mark(u32),
    /// The same, of a mark that is nobody's any more: what sockets still move that have found it.
    FormerMark(u32),
    /// A client of a tunnel; its address stands in [`crate::names::ADDRESSES`] at this index, which
    /// is that of the slot.
    Forward(u32),
    /// Packets from a tunnel whose address is none of the tunnel's clients.
    ForwardOther,
}

impl Owner {
    const KIND_UNATTRIBUTED: u32 = 1;
    const KIND_OVERFLOW: u32 = 2;
    const KIND_LOOPBACK: u32 = 3;
    const KIND_UID: u32 = 4;
    const KIND_TRANSPORT: u32 = 5;
    const KIND_MARK: u32 = 6;
    const KIND_FORMER_MARK: u32 = 7;
    const KIND_FORWARD: u32 = 16;
    const KIND_FORWARD_OTHER: u32 = 17;

    /// The owner as it stands in [`crate::slot::Slot::owner`]: kind in the upper half, id in the
    /// lower. Never 0, which means a free slot.
    #[must_use]
    pub const fn encode(self) -> u64 {
        let (kind, id) = match self {
            Self::Unattributed => (Self::KIND_UNATTRIBUTED, 0),
            Self::Overflow => (Self::KIND_OVERFLOW, 0),
            Self::Loopback => (Self::KIND_LOOPBACK, 0),
            Self::Transport => (Self::KIND_TRANSPORT, 0),
            Self::Uid(uid) => (Self::KIND_UID, uid),
            Self::Mark(mark) => (Self::KIND_MARK, mark),
            Self::FormerMark(mark) => (Self::KIND_FORMER_MARK, mark),
            Self::Forward(index) => (Self::KIND_FORWARD, index),
            Self::ForwardOther => (Self::KIND_FORWARD_OTHER, 0),
        };
        ((kind as u64) << 32) | id as u64
    }

    /// The reverse of [`Owner::encode`]; `None` for a free slot and for kinds this build does not
    /// know.
    #[must_use]
    pub const fn decode(word: u64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
        let (kind, id) = ((word >> 32) as u32, word as u32);
        match kind {
            Self::KIND_UNATTRIBUTED => Some(Self::Unattributed),
            Self::KIND_OVERFLOW => Some(Self::Overflow),
            Self::KIND_LOOPBACK => Some(Self::Loopback),
            Self::KIND_TRANSPORT => Some(Self::Transport),
            Self::KIND_UID => Some(Self::Uid(id)),
            Self::KIND_MARK => Some(Self::Mark(id)),
            Self::KIND_FORMER_MARK => Some(Self::FormerMark(id)),
            Self::KIND_FORWARD => Some(Self::Forward(id)),
            Self::KIND_FORWARD_OTHER => Some(Self::ForwardOther),
            _ => None,
        }
    }
}

/// What a socket's storage holds. Two words, each written at once, so that two CPUs handling the same
/// socket never see half of one.
#[derive(Debug, Default)]
#[repr(C)]
pub struct SocketMemory {
    /// [`SocketOwner::encode`]; 0 before its owner is known.
    pub owner: AtomicU64,
    /// [`crate::flow::Flow`] of the host that it visits; 0 where none is known.
    pub flow: AtomicU64,
}

/// [`SocketMemory`] as the map has it.
pub type SocketWords = [u64; 2];

/// Listeners over MPTCP whose tags are passed on at a time: a server has a handful.
pub const MPTCP_LISTENERS: u32 = 64;

/// What a socket's storage remembers: where its packets count.
#[expect(clippy::struct_excessive_bools, reason = "each is a bit of the word")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOwner {
    /// Index in the slot array.
    pub slot: u32,
    /// Whether the socket is of another network namespace than the agent's: whatever interface its
    /// packets name is none that is metered.
    pub is_inside: bool,
    /// Whether no more host names are to be read of it.
    pub is_read: bool,
    /// Whether it is a TCP socket that connects, and not one that was accepted.
    pub connects: bool,
    /// Only in tags: whether the socket's mark, if it is one of [`crate::names::MARKS`], says whose it is.
    pub heeds_mark: bool,
    /// Datagrams of it that were looked at, at most [`SocketOwner::MAX_LOOKS`].
    pub looks: u8,
    /// [`SocketMemory::flow`], which is no part of the word.
    pub flow: u64,
}

impl SocketOwner {
    /// A socket of which nothing has been read yet.
    #[must_use]
    pub const fn new(slot: u32, is_inside: bool) -> Self {
        Self {
            slot,
            is_inside,
            is_read: false,
            connects: false,
            heeds_mark: false,
            looks: 0,
            flow: 0,
        }
    }

    const KNOWN: u64 = 1 << 32;
    const INSIDE: u64 = 1 << 33;
    const READ: u64 = 1 << 34;
    const CONNECTS: u64 = 1 << 35;
    const HEEDS_MARK: u64 = 1 << 36;
    const LOOKS_AT: u32 = 40;
    /// A client's first flight is over by then.
    pub const MAX_LOOKS: u8 = 16;

    /// The word in the socket's storage. Never 0, which is "not looked up yet".
    #[must_use]
    pub const fn encode(self) -> u64 {
        let inside = if self.is_inside { Self::INSIDE } else { 0 };
        let read = if self.is_read { Self::READ } else { 0 };
        let connects = if self.connects { Self::CONNECTS } else { 0 };
        let heeds_mark = if self.heeds_mark { Self::HEEDS_MARK } else { 0 };
        let looks = (self.looks as u64) << Self::LOOKS_AT;
        Self::KNOWN | inside | read | connects | heeds_mark | looks | self.slot as u64
    }

    /// The reverse of [`SocketOwner::encode`].
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
    pub const fn decode(word: u64) -> Option<Self> {
        if word == 0 {
            return None;
        }
        Some(Self {
            slot: word as u32,
            is_inside: word & Self::INSIDE != 0,
            is_read: word & Self::READ != 0,
            connects: word & Self::CONNECTS != 0,
            heeds_mark: word & Self::HEEDS_MARK != 0,
            looks: (word >> Self::LOOKS_AT) as u8,
            flow: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_survive_the_word() {
        for owner in [
            Owner::Unattributed,
            Owner::Overflow,
            Owner::Loopback,
            Owner::Transport,
            Owner::Uid(0),
            Owner::Uid(u32::MAX),
            Owner::Mark(u32::MAX),
            Owner::FormerMark(u32::MAX),
            Owner::Forward(u32::MAX),
            Owner::ForwardOther,
        ] {
            assert_ne!(owner.encode(), 0);
            assert_eq!(Owner::decode(owner.encode()), Some(owner));
        }
        assert_eq!(Owner::decode(0), None);
        assert_eq!(Owner::decode(u64::MAX), None);
    }

    #[test]
    fn socket_owners_survive_the_word() {
        for slot in [0, 8, u32::MAX] {
            for (is_inside, is_read) in [(false, false), (true, false), (false, true)] {
                let looks = SocketOwner::MAX_LOOKS;
                let (connects, heeds_mark, flow) = (is_inside, is_read, 0);
                let owner =
                    SocketOwner { slot, is_inside, is_read, connects, heeds_mark, looks, flow };
                assert_eq!(SocketOwner::decode(owner.encode()), Some(owner));
            }
        }
        assert_eq!(SocketOwner::decode(0), None);
    }
}
