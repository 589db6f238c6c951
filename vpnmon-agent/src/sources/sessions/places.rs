//! Where the servers' log may be.

use std::path::{Path, PathBuf};

use super::journal::JOURNALCTL;

/// Where journald listens while it runs.
const JOURNALD: &str = "/run/systemd/journal/socket";
/// Directories of which it fills one.
const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];
/// Debian's and Red Hat's.
const FILES: [&str; 2] = ["/var/log/auth.log", "/var/log/secure"];
/// Where a machine keeps its logs; a test has its own.
#[derive(Clone, Debug)]
pub struct Places {
    /// What is there while journald runs.
    pub journald: PathBuf,
    /// Directories that hold a journal.
    pub journals: Vec<PathBuf>,
    /// journalctl, with arguments.
    pub journalctl: Vec<String>,
    /// Log files, the usual one first.
    pub files: Vec<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            journald: JOURNALD.into(),
            journals: JOURNALS.map(PathBuf::from).to_vec(),
            journalctl: vec![JOURNALCTL.to_owned()],
            files: FILES.map(PathBuf::from).to_vec(),
        }
    }
}

impl Places {
    /// Whether there is a journal that somebody fills: another machine's image may have brought one.
    pub fn have_journal(&self) -> bool {
        let is_filled = |dir: &PathBuf| dir.read_dir().is_ok_and(|mut dir| dir.next().is_some());
        self.journald.exists() && self.journals.iter().any(is_filled)
    }

    /// The first file that is there.
    pub fn file(&self) -> Option<&Path> {
        self.files.iter().find(|file| file.is_file()).map(PathBuf::as_path)
    }
}
