//! The machine that enforcing is done on.

mod accounts;
mod command;
mod files;
mod home;
mod netns;
mod processes;
mod schedules;
mod sockets;

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use nix::{sys::signal::Signal, unistd::Uid};

use self::sockets::SocketIds;
use super::{
    account::{Account, Change},
    journal::{self, Entry},
    system::{Reason, System},
};
use crate::{
    admins::is_plain,
    ledger::{
        incident::Incident,
        store::{
            atomic,
            load::{is_not_found, read_file, set_aside},
        },
    },
    order::{Person, Process, Step},
    sources::admins::read_admins,
};

/// The journal holds some hundred bytes a user.
const MAX_JOURNAL_BYTES: u64 = 64 << 20;

/// This machine, with the journal in a state directory.
#[derive(Debug)]
pub struct Machine {
    state_dir: PathBuf,
    /// Inclusive range of the uids of users that may be touched.
    range: (u32, u32),
    /// `enforce.protect`.
    protect: Vec<String>,
    /// Sockets of processes that were found, by whose they were.
    noted: HashMap<Person, SocketIds>,
}

impl Machine {
    /// Users in `range` but for those in `protect`.
    pub fn new(state_dir: &Path, range: (u32, u32), protect: &[String]) -> Self {
        let (state_dir, protect) = (state_dir.to_owned(), protect.to_vec());
        Self { state_dir, range, protect, noted: HashMap::new() }
    }

    /// What an earlier run has written down, and what there is to tell of a file that could not be
    /// read and was set aside.
    pub fn journal(&self, unix_seconds: u64) -> (Vec<Entry>, Option<Incident>) {
        let path = self.state_dir.join(journal::NAME);
        let read = read_file(&path, MAX_JOURNAL_BYTES)
            .and_then(|(text, _)| journal::parse(&text).map_err(anyhow::Error::msg));
        match read {
            Ok(people) => (people, None),
            Err(error) if is_not_found(&error) => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(set_aside(&path, unix_seconds, &error))),
        }
    }
}

impl System for Machine {
    fn account(&mut self, name: &str) -> Result<Option<Account>, Reason> {
        accounts::account(name)
    }

    fn name_of(&mut self, uid: u32) -> Result<Option<String>, Reason> {
        accounts::name_of(uid)
    }

    fn protection(&mut self, name: &str) -> Option<String> {
        let uid = match accounts::account(name) {
            Ok(account) => account?.uid,
            Err(why) => return Some(why),
        };
        let (min, max) = self.range;
        if uid == 0 || !(min..=max).contains(&uid) {
            return Some(format!("its uid {uid} is not between ssh.min_uid and ssh.max_uid"));
        }
        if self.protect.iter().any(|protected| protected == name) {
            return Some("enforce.protect names it".to_owned());
        }
        if !is_plain(name) {
            return Some("its name is not one that useradd makes".to_owned());
        }
        read_admins().why(name).map(str::to_owned)
    }

    fn change(&mut self, name: &str, change: &Change) -> Result<(), Reason> {
        accounts::change(name, change)
    }

    fn save(&mut self, entries: &[Entry]) -> Result<(), Reason> {
        let text = journal::text(entries)?;
        atomic::replace(&self.state_dir, journal::NAME, &text, journal::MODE)
            .and_then(|_| atomic::sync_dir(&self.state_dir))
            .map_err(|error| format!("{}: {error}", self.state_dir.join(journal::NAME).display()))
    }

    fn processes(&mut self, uid: u32, sessions: &BTreeSet<Process>) -> Vec<Process> {
        processes::of(uid, sessions)
    }

    fn signal(&mut self, person: &Person, processes: &[Process], kill: bool) {
        let uid = person.uid;
        if kill {
            // Who stands still opens no socket between the look and the end.
            processes::signal(uid, processes, Signal::SIGSTOP);
        }
        let roots = processes.iter().filter(|it| !processes::has_uid(it.pid, uid));
        let roots: Vec<_> = roots.copied().collect();
        self.noted.entry(person.clone()).or_default().note(uid, &roots);
        processes::signal(uid, processes, if kill { Signal::SIGKILL } else { Signal::SIGTERM });
    }

    fn destroy_sockets(&mut self, person: &Person) -> Result<usize, Reason> {
        let empty = SocketIds::default();
        sockets::destroy(person.uid, self.noted.get(person).unwrap_or(&empty))
    }

    fn forget(&mut self, person: &Person) {
        self.noted.remove(person);
    }

    fn remove(
        &mut self,
        step: Step,
        person: &Person,
        account: &Account,
    ) -> Result<Option<String>, Reason> {
        if Uid::from_raw(person.uid).is_root() || !is_plain(&person.name) {
            return Err(format!("{:?} is never touched", person.name));
        }
        match step {
            Step::Schedules => schedules::remove(person).map(|()| None),
            Step::Mail => files::remove_mail(person),
            Step::Panel => files::remove_panel_lines(&person.name).map(|()| None),
            Step::Home => home::remove(person, &account.home),
            Step::User => accounts::remove(&person.name, person.uid).map(|()| None),
            Step::Journal | Step::Lock | Step::Processes | Step::Sockets | Step::Unlock => Ok(None),
        }
    }
}
