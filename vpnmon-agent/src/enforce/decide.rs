//! What an SSH account should become; pure.

use crate::{config::SshAction, order::Target};

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// By hand.
    pub is_disabled: bool,
    /// A limit is used up.
    pub is_over: bool,
    /// Whether it has a limit at all.
    pub has_limit: bool,
    /// Why it must be left alone, if so.
    pub protection: Option<&'a str>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Make it this.
    Become(Target),
    /// It would be this, and must not: leave it open.
    Refused(Target, String),
}

/// Decides. What is disabled by hand is locked out even when a limit would have it deleted: the
/// admin has looked at it.
pub fn decide(facts: Facts<'_>, action: SshAction, dry_run: bool) -> Decision {
    let target = wanted(facts, action);
    if target == Target::Open {
        return Decision::Become(target);
    }
    let refused = |why: String| Decision::Refused(target, why);
    match facts.protection {
        Some(why) => refused(why.to_owned()),
        None if dry_run => refused("enforce.dry_run is on".to_owned()),
        None => Decision::Become(target),
    }
}

fn wanted(facts: Facts<'_>, action: SshAction) -> Target {
    match action {
        _ if facts.is_disabled => Target::LockedOut,
        SshAction::Delete if facts.is_over && facts.has_limit => Target::Deleted,
        SshAction::Disable if facts.is_over && facts.has_limit => Target::LockedOut,
        _ => Target::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Facts<'_> =
        Facts { is_disabled: false, is_over: false, has_limit: true, protection: None };

    fn check(facts: Facts<'_>, action: SshAction, expected: Target) {
        assert_eq!(
            decide(facts, action, false),
            Decision::Become(expected),
            "{facts:?} {action:?}"
        );
        for (protection, dry_run) in
            [(Some("it is a sudoer"), false), (None, true), (Some("x"), true)]
        {
            let spared = decide(Facts { protection, ..facts }, action, dry_run);
            match expected {
                Target::Open => assert_eq!(spared, Decision::Become(Target::Open)),
                _ => assert!(matches!(spared, Decision::Refused(target, _) if target == expected)),
            }
        }
    }

    #[test]
    fn what_the_settings_say_happens() {
        let over = Facts { is_over: true, ..QUIET };
        let disabled = Facts { is_disabled: true, ..QUIET };
        for action in [SshAction::Delete, SshAction::Disable, SshAction::Block] {
            check(QUIET, action, Target::Open);
            check(disabled, action, Target::LockedOut);
            check(Facts { is_over: true, ..disabled }, action, Target::LockedOut);
            check(Facts { has_limit: false, ..over }, action, Target::Open);
        }
        check(over, SshAction::Delete, Target::Deleted);
        check(over, SshAction::Disable, Target::LockedOut);
        check(over, SshAction::Block, Target::Open);
    }
}
