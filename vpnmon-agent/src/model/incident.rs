//! What can happen: the words of `events.jsonl`, of notices and of the counters of events.

use serde::Serialize;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An account has a limit from now on, or another one.
    LimitSet,
    /// It has none any more.
    LimitRemoved,
    /// It has used up a good part of its limit.
    Warning,
    /// It has come to its limit.
    Exceeded,
    /// The kernel refuses its packets from now on.
    Blocked,
    /// It does no more.
    Unblocked,
    /// Something was not done to it, and why.
    Refused,
    /// Its usage went back to 0; the numbers are those before.
    Reset,
    /// An account is gone; its last numbers.
    Deleted,
    /// It cannot log in any more, until it is enabled or its limit allows it again.
    Disabled,
    /// It can log in again.
    Enabled,
    /// A step of a deletion has failed; it is tried again.
    DeleteStepFailed,
    /// Counters of a new life of the kernel's maps are booked from now on.
    Epoch,
    /// A file in the state directory could not be read and was set aside.
    BadFile,
    /// Something works less well than it should.
    Degraded,
    /// It works again.
    Recovered,
    /// Something that tells of accounts does not answer.
    SourceDown,
    /// It answers again.
    SourceUp,
    /// Host names are captured from now on.
    HostsOn,
    /// They are not any more.
    HostsOff,
    /// All hosts were forgotten.
    HostsCleared,
    /// An admin has put a host there.
    HostsAdded,
    /// An admin has taken one away.
    HostsRemoved,
}

impl Kind {
    /// All of them, in the order above.
    pub const ALL: [Self; 23] = [
        Self::LimitSet,
        Self::LimitRemoved,
        Self::Warning,
        Self::Exceeded,
        Self::Blocked,
        Self::Unblocked,
        Self::Refused,
        Self::Reset,
        Self::Deleted,
        Self::Disabled,
        Self::Enabled,
        Self::DeleteStepFailed,
        Self::Epoch,
        Self::BadFile,
        Self::Degraded,
        Self::Recovered,
        Self::SourceDown,
        Self::SourceUp,
        Self::HostsOn,
        Self::HostsOff,
        Self::HostsCleared,
        Self::HostsAdded,
        Self::HostsRemoved,
    ];

    /// The word for it everywhere outside.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::LimitSet => "limit-set",
            Self::LimitRemoved => "limit-removed",
            Self::Warning => "warning",
            Self::Exceeded => "exceeded",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Deleted => "deleted",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::DeleteStepFailed => "delete-step-failed",
            Self::Epoch => "epoch",
            Self::BadFile => "bad-file",
            Self::Degraded => "degraded",
            Self::Recovered => "recovered",
            Self::SourceDown => "source-down",
            Self::SourceUp => "source-up",
            Self::HostsOn => "hosts-on",
            Self::HostsOff => "hosts-off",
            Self::HostsCleared => "hosts-cleared",
            Self::HostsAdded => "hosts-added",
            Self::HostsRemoved => "hosts-removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capital(word: &str) -> String {
        word[..1].to_uppercase() + &word[1..]
    }

    #[test]
    fn each_kind_has_the_word_it_is_written_with_and_its_place() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            let camel: String = kind.word().split('-').map(capital).collect();
            assert_eq!(format!("{kind:?}"), camel);
            assert_eq!(kind as usize, index);
        }
    }
}
