//! The journal, by `journalctl`: what its `_` fields say the kernel has told it.

pub mod entry;

use std::time::Duration;

use self::entry::Entry;
use super::{
    Login,
    child::{Child, Said},
};

/// The program of systemd that reads a journal.
pub const JOURNALCTL: &str = "journalctl";
const FIELDS: &str = "--output-fields=MESSAGE,_PID,_COMM,_EXE";
/// Also the names that a process can be seen under while it starts.
const SERVERS: [&str; 4] =
    ["_COMM=sshd", "_COMM=sshd-session", "_COMM=dropbear", "_COMM=dropbearmulti"];
/// A journalctl that has run so long works.
const WORKS: Duration = Duration::from_secs(5);
/// Between the death of a journalctl and the next; doubled each time up to the second.
const RESTART: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(1)];

/// Follows the journal.
#[derive(Debug)]
pub struct Journal {
    command: Vec<String>,
    child: Option<Child>,
    cursor: Option<String>,
    since: u64,
    wait: Duration,
    /// When it may start, or has.
    next_start: Duration,
    /// Starts that came to nothing.
    pub vain_starts: u32,
    /// Why it does not run.
    pub problem: Option<String>,
    back: Option<Child>,
    /// Lines dropped for their length.
    pub too_long: u64,
}

impl Journal {
    /// Follows from the Unix second `since` on; nothing starts before the first poll.
    pub fn new(command: Vec<String>, since: u64) -> Self {
        Self {
            command,
            child: None,
            cursor: None,
            since,
            wait: RESTART[0],
            next_start: Duration::ZERO,
            vain_starts: 0,
            problem: None,
            back: None,
            too_long: 0,
        }
    }

    /// Begins to read older entries too, the newest first.
    pub fn look_back(&mut self, oldest: u64) {
        let until = format!("@{}", self.since);
        let since = format!("@{oldest}");
        let args = ["--reverse", "--since", &since, "--until", &until];
        self.back = Child::start(&self.command, &arguments(&args)).ok();
    }

    /// Whether older entries are still being read.
    pub fn looks_back(&self) -> bool {
        self.back.is_some()
    }

    /// Hands new logins to `each`, and those of a look back, which are old.
    pub fn poll(&mut self, now: Duration, mut each: impl FnMut(Login, bool)) {
        if self.child.is_none() && now >= self.next_start {
            self.start(now);
        }
        if let Some(child) = &mut self.child {
            let (cursor, mut read) = (&mut self.cursor, false);
            let said = child.read(|line| {
                let Some(entry) = Entry::parse(line) else { return };
                read = true;
                if let Some(login) = entry.login() {
                    each(login, false);
                }
                *cursor = Some(entry.cursor).or_else(|| cursor.take());
            });
            self.too_long += child.take_too_long();
            if read || now > self.next_start + WORKS {
                (self.vain_starts, self.wait, self.problem) = (0, RESTART[0], None);
            }
            if let Said::Ended(why) = said {
                self.child = None;
                self.problem = Some(format!("{} ended: {why}", self.command[0]));
                self.next_start = now + self.wait;
                self.wait = (self.wait * 2).min(RESTART[1]);
            }
        }
        if let Some(back) = &mut self.back {
            let said = back.read(|line| {
                if let Some(login) = Entry::parse(line).and_then(|entry| entry.login()) {
                    each(login, true);
                }
            });
            if matches!(said, Said::Ended(_)) {
                self.back = None;
            }
        }
    }

    fn start(&mut self, now: Duration) {
        let from = match &self.cursor {
            Some(cursor) => format!("--after-cursor={cursor}"),
            None => format!("--since=@{}", self.since),
        };
        self.vain_starts += 1;
        match Child::start(&self.command, &arguments(&["--follow", "--no-tail", &from])) {
            Ok(child) => (self.child, self.next_start) = (Some(child), now),
            Err(error) => {
                self.problem = Some(format!("cannot run {}: {error}", self.command[0]));
                self.next_start = now + self.wait;
                self.wait = (self.wait * 2).min(RESTART[1]);
            }
        }
    }
}

fn arguments<'a>(which: &[&'a str]) -> Vec<&'a str> {
    [&["--output=json", "--quiet", "--no-pager", FIELDS], which, &SERVERS].concat()
}
