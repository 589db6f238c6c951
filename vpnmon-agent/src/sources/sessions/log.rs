//! Where the servers tell of logins: the journal or a file, as chosen or as there is.

use std::{path::Path, time::Duration};

use super::{Login, journal::Journal, lookback::Lookback, places::Places, syslog, tail::Tail};
use crate::config::AuthLog;

/// Seconds before the start that are read again: journald writes a little later than it is told.
const OVERLAP: u64 = 5;
/// Starts of journalctl without an entry, after which a file is taken if there is one.
const VAIN_STARTS: u32 = 3;

/// The log that is read.
#[derive(Debug)]
pub struct Log {
    choice: AuthLog,
    places: Places,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Nothing,
    Journal(Box<Journal>),
    File(Box<File>),
}

#[derive(Debug)]
struct File {
    tail: Tail,
    /// How long it was when it was opened.
    end: u64,
    back: Option<Lookback>,
}

impl Log {
    /// Nothing is opened before [`Log::open`].
    pub fn new(choice: &AuthLog, mut places: Places) -> Self {
        match choice {
            AuthLog::Auto => {}
            AuthLog::Journald => places.files.clear(),
            AuthLog::Path(path) => places.files = vec![path.clone()],
        }
        Self { choice: choice.clone(), places, source: Source::Nothing }
    }

    /// Follows what is written from the Unix second `now` on.
    pub fn open(&mut self, now: u64) {
        if self.by_journal() {
            let since = now.saturating_sub(OVERLAP);
            let journal = Journal::new(self.places.journalctl.clone(), since);
            self.source = Source::Journal(Box::new(journal));
        } else if let Some(path) = self.file() {
            let mut tail = Tail::new(path);
            let end = tail.open_at_end().unwrap_or_default();
            self.source = Source::File(Box::new(File { tail, end, back: None }));
        }
    }

    fn by_journal(&self) -> bool {
        match self.choice {
            AuthLog::Auto => self.places.have_journal(),
            AuthLog::Journald => true,
            AuthLog::Path(_) => false,
        }
    }

    /// A file that was named may come yet.
    fn file(&self) -> Option<&Path> {
        match &self.choice {
            AuthLog::Path(path) => Some(path),
            AuthLog::Auto | AuthLog::Journald => self.places.file(),
        }
    }

    /// There was none.
    fn appear(&mut self, now: u64) {
        if self.by_journal() {
            self.open(now);
        } else if let Some(path) = self.file() {
            // All that the file has is new.
            let tail = Tail::new(path);
            self.source = Source::File(Box::new(File { tail, end: 0, back: None }));
        }
    }

    /// Begins to read what was written between the Unix seconds `oldest` and the opening.
    pub fn look_back(&mut self, oldest: u64, now: u64) {
        match &mut self.source {
            Source::Nothing => {}
            Source::Journal(journal) => journal.look_back(oldest),
            Source::File(file) => {
                let path = file.tail.path();
                file.back = Some(Lookback::new(path, file.end, oldest, now));
            }
        }
    }

    /// Hands new logins to `each`, and those of a look back, which are old.
    pub fn poll(&mut self, now: Duration, unix_seconds: u64, mut each: impl FnMut(Login, bool)) {
        let mut of_line = |line: &[u8], is_old| {
            if let Some(login) = syslog::login(line) {
                each(login, is_old);
            }
        };
        match &mut self.source {
            Source::Nothing => self.appear(unix_seconds),
            Source::File(file) => {
                file.tail.poll(now, |line| of_line(line, false));
                let mut of_old = |line: &[u8]| of_line(line, true);
                if file.back.as_mut().is_some_and(|back| !back.poll(&mut of_old)) {
                    file.back = None;
                }
            }
            Source::Journal(journal) => {
                journal.poll(now, &mut each);
                let vain = journal.vain_starts >= VAIN_STARTS && journal.problem.is_some();
                if vain && self.choice == AuthLog::Auto && self.places.file().is_some() {
                    // The journal cannot be read; a file may have the same.
                    self.places.journals.clear();
                    self.open(unix_seconds);
                }
            }
        }
    }

    /// Whether older lines are still being read.
    pub fn looks_back(&self) -> bool {
        match &self.source {
            Source::Nothing => false,
            Source::File(file) => file.back.is_some(),
            Source::Journal(journal) => journal.looks_back(),
        }
    }

    /// What is wrong with it, in sentences.
    pub fn problems(&self) -> Vec<String> {
        const THEN: &str = "sessions of dropbear before 2025.89 are not attributed, and those of \
                            OpenSSH a second late";
        let mut problems = Vec::new();
        match &self.source {
            Source::Nothing => {
                let files: Vec<_> =
                    self.places.files.iter().map(|file| file.display().to_string()).collect();
                problems.push(format!(
                    "ssh.auth_log: there is no journal and no {}: {THEN}; name the file that sshd \
                     and dropbear log to",
                    files.join(", no ")
                ));
            }
            Source::File(file) => {
                let tail = &file.tail;
                if let Some(why) = &tail.problem {
                    let path = tail.path().display();
                    problems.push(format!("ssh.auth_log: cannot read {path}: {why}; {THEN}"));
                }
                if tail.skipped > 0 {
                    problems.push(format!(
                        "ssh.auth_log: {} bytes of {} came too fast and were not read; logins in \
                         them are not attributed",
                        tail.skipped,
                        tail.path().display()
                    ));
                }
            }
            Source::Journal(journal) => {
                if let Some(why) = &journal.problem {
                    problems.push(format!("ssh.auth_log: {why}; {THEN}"));
                }
            }
        }
        let too_long = self.too_long();
        if too_long > 0 {
            problems.push(format!("ssh.auth_log: {too_long} lines over 8 KiB were passed over"));
        }
        problems
    }

    fn too_long(&self) -> u64 {
        match &self.source {
            Source::Nothing => 0,
            Source::File(file) => file.tail.lines_too_long(),
            Source::Journal(journal) => journal.too_long,
        }
    }
}
