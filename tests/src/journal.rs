//! A journald of the test's own, beside the machine's.

use std::{path::PathBuf, process::Command};

use crate::{
    namespace::Namespace,
    order::{Order, Place, Role},
    process::Process,
    wait::{SOON, wait_for},
};

/// Runs until it is dropped, in a mount namespace where `/run` and `/dev` are its own.
#[derive(Debug)]
pub struct Journal {
    process: Process,
}

impl Journal {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let journal = Self { process: Order::new(Place::default(), Role::Journald).start() };
        wait_for("journald's socket", SOON, || {
            if journal.socket().exists() { Ok(()) } else { Err(journal.process.stderr()) }
        });
        journal
    }

    /// Where it listens, as the machine sees it.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("run/systemd/journal/socket")
    }

    /// What it fills.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.path("run/log/journal")
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.process.id())).join(name)
    }

    /// What makes a command see this journal, to be put before it.
    #[must_use]
    pub fn prefix(&self) -> Vec<String> {
        let pid = self.process.id().to_string();
        ["nsenter", "-m", "-t", &pid, "--"].map(str::to_owned).to_vec()
    }

    /// `command` in `netns`, with its `/dev/log` here.
    #[must_use]
    pub fn command(&self, netns: &Namespace, command: &[String]) -> Command {
        let mut ip = Command::new("ip");
        ip.args(["netns", "exec", &netns.name]).args(self.prefix()).args(command);
        ip
    }
}
