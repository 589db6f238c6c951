//! What the agent has a kernel program do for it, in one go and with the packets' own code: a kill
//! between two of its own steps could lose or double bytes.

/// An errand, as the arguments of the program, and what the program's return value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// The slot of a uid, given to it now if it has none; the answer is its index.
    SlotOfUid(u32),
    /// The same of a mark.
    SlotOfMark(u32),
    /// A mark is nobody's any more; the answer is the index of the slot that it had, or 0.
    ForgetMark(u32),
    /// Moves everything that one slot has counted to another; the answer is 1 if that was anything.
    Move {
        /// Slot that is empty afterwards.
        from: u32,
        /// Slot that has it all.
        to: u32,
    },
}

impl Errand {
    const SLOT_OF_UID: u64 = 1;
    const MOVE: u64 = 2;
    const SLOT_OF_MARK: u64 = 3;
    const FORGET_MARK: u64 = 4;

    /// The arguments.
    #[must_use]
    pub const fn encode(self) -> [u64; 3] {
        match self {
            Self::SlotOfUid(uid) => [Self::SLOT_OF_UID, uid as u64, 0],
            Self::SlotOfMark(mark) => [Self::SLOT_OF_MARK, mark as u64, 0],
            Self::ForgetMark(mark) => [Self::FORGET_MARK, mark as u64, 0],
            Self::Move { from, to } => [Self::MOVE, from as u64, to as u64],
        }
    }

    /// The reverse of [`Errand::encode`].
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower halves of the words")]
    pub const fn decode([what, first, second]: [u64; 3]) -> Option<Self> {
        match what {
            Self::SLOT_OF_UID => Some(Self::SlotOfUid(first as u32)),
            Self::SLOT_OF_MARK => Some(Self::SlotOfMark(first as u32)),
            Self::FORGET_MARK => Some(Self::ForgetMark(first as u32)),
            Self::MOVE => Some(Self::Move { from: first as u32, to: second as u32 }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errands_survive_their_words() {
        let moves = Errand::Move { from: 16, to: u32::MAX };
        let marks = [Errand::SlotOfMark(u32::MAX), Errand::ForgetMark(u32::MAX)];
        for errand in [Errand::SlotOfUid(u32::MAX), moves].into_iter().chain(marks) {
            assert_eq!(Errand::decode(errand.encode()), Some(errand));
        }
        assert_eq!(Errand::decode([0; 3]), None);
    }
}
