//! Which processes' sockets are whose: the record that the agent keeps for the kernel programs.

/// What the sockets made by a process count as. The key of its map is the process id (tgid, as the
/// machine's own pid namespace has it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Start of the process, in ticks since boot as field 22 of `/proc/PID/stat` has it: a process
    /// that was given the id later is not the session.
    pub start_ticks: u64,
    /// Slot of its sockets.
    pub slot: u32,
    /// The slot that holds bytes of the time before its user was known.
    pub waiting_slot: Option<u32>,
    /// Whether it is a listening dropbear: what its children open before anybody knows who has
    /// logged in there waits for that.
    pub children_wait: bool,
    /// Whether it is Xray, which marks the sockets that it opens for a user: see
    /// [`crate::owner::SocketOwner::heeds_mark`].
    pub sets_marks: bool,
}

/// The record as the map holds it.
pub type SessionWords = [u64; 3];

/// Clock ticks a second in `/proc` (`USER_HZ`, on every architecture that BPF programs run on).
pub const TICKS_A_SECOND: u64 = 100;

impl Session {
    const CHILDREN_WAIT: u64 = 1 << 32;
    const SETS_MARKS: u64 = 1 << 33;

    /// As the map's value.
    #[must_use]
    #[inline(always)]
    pub const fn encode(self) -> SessionWords {
        let waiting_slot = match self.waiting_slot {
            Some(slot) => slot as u64,
            None => 0,
        };
        let children_wait = if self.children_wait { Self::CHILDREN_WAIT } else { 0 };
        let sets_marks = if self.sets_marks { Self::SETS_MARKS } else { 0 };
        [self.start_ticks, self.slot as u64 | children_wait | sets_marks, waiting_slot]
    }

    /// The reverse of [`Session::encode`].
    #[must_use]
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the lower halves of the words")]
    pub const fn decode([start_ticks, slot, waiting_slot]: SessionWords) -> Self {
        Self {
            start_ticks,
            slot: slot as u32,
            waiting_slot: if waiting_slot == 0 { None } else { Some(waiting_slot as u32) },
            children_wait: slot & Self::CHILDREN_WAIT != 0,
            sets_marks: slot & Self::SETS_MARKS != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_survive_their_words() {
        for waiting_slot in [None, Some(16), Some(u32::MAX)] {
            for (children_wait, sets_marks) in [(false, true), (true, false)] {
                let (start_ticks, slot) = (u64::MAX, u32::MAX);
                let session =
                    Session { start_ticks, slot, waiting_slot, children_wait, sets_marks };
                assert_eq!(Session::decode(session.encode()), session);
            }
        }
    }
}
