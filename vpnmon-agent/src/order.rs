//! What is to become of an SSH user, and what has: the words between the engine and the enforcer.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is to become of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// May log in; what locked it out is taken back.
    Open,
    /// Cannot log in, has no session and no socket.
    LockedOut,
    /// Is no more.
    Deleted,
}

impl Target {
    /// What is done to get there.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Open => "let the user in again",
            Self::LockedOut => "lock the user out",
            Self::Deleted => "delete the user",
        }
    }
}

/// A process, and not another one that has got its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub start_time: u64,
}

/// Whom it is about: a name can get another uid, and a uid another name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// Account name.
    pub name: String,
    /// User id.
    pub uid: u32,
}

/// What the engine tells the enforcer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// See to it that a user becomes this, and stays it.
    Become(Person, Target),
    /// These processes are sessions of a user who is locked out or being deleted.
    End(Person, Vec<Process>),
    /// That a user is gone is written down: nothing more is to be remembered of it.
    Forget(Person),
}

/// One thing that is done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Writing down what is about to be done.
    Journal,
    /// No login any more, by password or key.
    Lock,
    /// crontab, at jobs, lines of `/etc/cron.d`, lingering.
    Schedules,
    /// Sessions and processes.
    Processes,
    /// What they leave behind in the kernel.
    Sockets,
    /// The mail spool.
    Mail,
    /// Lines in the old panel's files.
    Panel,
    /// The home directory.
    Home,
    /// The user itself.
    User,
    /// The way back: password, expiry and shell as they were.
    Unlock,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal => "write the journal",
            Self::Lock => "lock the login",
            Self::Schedules => "remove scheduled jobs",
            Self::Processes => "end the processes",
            Self::Sockets => "destroy the sockets",
            Self::Mail => "remove the mail spool",
            Self::Panel => "remove the old panel's lines",
            Self::Home => "remove the home directory",
            Self::User => "remove the user",
            Self::Unlock => "unlock the login",
        })
    }
}

/// An order that a start finds written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub person: Person,
    /// What it was to become, or is.
    pub target: Target,
}

/// What has become of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who.
    pub person: Person,
    /// What.
    pub outcome: Outcome,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// [`Target::Open`] is reached.
    Opened,
    /// [`Target::LockedOut`] is reached.
    LockedOut,
    /// [`Target::Deleted`] is reached; what was left alone, and why.
    Deleted(Vec<String>),
    /// Somebody else has made a new user of that name: the old one is gone, the new one untouched.
    Replaced,
    /// Nothing is done to the user, who is open; why.
    Spared(String),
    /// A step did not work; it is tried again.
    Failed(Step, String),
}
