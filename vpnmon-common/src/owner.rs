//! Whose bytes a slot counts.

/// The owner of a slot, as the kernel programs find it on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The packet had no full socket: request sockets and late acknowledgements.
    Unattributed,
    /// Accounts that found no free slot: everything beyond `meter.max_accounts`.
    Overflow,
    /// Loopback packets while `meter.loopback` is off.
    Loopback,
    /// The uid of the socket when the packet passed: of whoever made or accepted it, unless
    /// `fchown(2)` has given it away since.
    Uid(u32),
}

impl Owner {
    const KIND_UNATTRIBUTED: u32 = 1;
    const KIND_OVERFLOW: u32 = 2;
    const KIND_LOOPBACK: u32 = 3;
    const KIND_UID: u32 = 4;

    /// The owner as it stands in [`crate::slot::Slot::owner`]: kind in the upper half, id in the
    /// lower. Never 0, which means a free slot.
    #[must_use]
    pub const fn encode(self) -> u64 {
        let (kind, id) = match self {
            Self::Unattributed => (Self::KIND_UNATTRIBUTED, 0),
            Self::Overflow => (Self::KIND_OVERFLOW, 0),
            Self::Loopback => (Self::KIND_LOOPBACK, 0),
            Self::Uid(uid) => (Self::KIND_UID, uid),
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
            Self::KIND_UID => Some(Self::Uid(id)),
            _ => None,
        }
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
            Owner::Uid(0),
            Owner::Uid(u32::MAX),
        ] {
            assert_ne!(owner.encode(), 0);
            assert_eq!(Owner::decode(owner.encode()), Some(owner));
        }
        assert_eq!(Owner::decode(0), None);
        assert_eq!(Owner::decode(u64::MAX), None);
    }
}
