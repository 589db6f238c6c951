//! The hosts' files: `hosts.log` and `hosts.jsonl` of the contract, and `hosts.json`, in which the
//! agent keeps what has no room in them.
//!
//! Of hosts, `hosts.log` says which there are; `hosts.json` says more of each. A line that
//! somebody else has written is taken over, and never overwritten before it was.

pub mod log;
mod saved;
pub mod seen;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::Path,
    sync::Arc,
};

use anyhow::Result;

use super::{
    atomic,
    foreign::Stamp,
    load::{is_not_found, read_file, set_aside},
};
use crate::{
    hosts::{
        Line, Restored,
        host::Host,
        keep::{HostsBatch, LogChange},
    },
    ledger::incident::Incident,
};

const LOG: &str = "hosts.log";
const SEEN: &str = "hosts.jsonl";
const SAVED: &str = "hosts.json";
const LOG_MODE: u32 = 0o640;
const SAVED_MODE: u32 = 0o600;
/// Some hundred bytes a host.
const MAX_BYTES: u64 = 4 << 30;

/// The files as they were when they were last written or read.
#[derive(Debug, Default)]
pub struct Files {
    /// `hosts.log`; `None` where there was none.
    stamp: Option<Stamp>,
    /// The hosts in it.
    logged: HashSet<Arc<str>>,
}

/// How the hosts' part of a batch went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is to be tried again.
    pub failed: HostsBatch,
    /// Lines of somebody else.
    pub found: Vec<Line>,
    /// Files that were set aside.
    pub incidents: Vec<Incident>,
    /// The file that could not be written, and why.
    pub error: Option<(&'static str, io::Error)>,
}

impl Files {
    /// What a start finds. What cannot be read is set aside.
    pub fn load(&mut self, dir: &Path, at: u64, incidents: &mut Vec<Incident>) -> Restored {
        let (mut hosts, switched) = match read_saved(dir) {
            Ok(Some(saved)) => saved,
            Ok(None) => (seen::hosts(&dir.join(SEEN)), None),
            Err(error) => {
                incidents.push(set_aside(&dir.join(SAVED), at, &error));
                (seen::hosts(&dir.join(SEEN)), None)
            }
        };
        let before = incidents.len();
        let read = self.read_log(dir, at, incidents);
        let rewrite = incidents.len() != before;
        let Some(lines) = read else { return Restored { hosts, switched, rewrite } };
        let mut known: HashMap<Arc<str>, Host> =
            hosts.drain(..).map(|host| (Arc::clone(&host.name), host)).collect();
        let lines = lines.into_iter().map(|line| merge(&mut known, line));
        hosts = lines.collect();
        let mut odd: Vec<_> = known.into_values().filter(|host| host.is_odd).collect();
        odd.sort_by_key(|host| host.number);
        hosts.extend(odd);
        for (host, number) in hosts.iter_mut().zip(1..) {
            host.number = number;
        }
        Restored { hosts, switched, rewrite }
    }

    /// The lines of `hosts.log`; a file with others in it is set aside, to be written anew. `None`
    /// where nothing of it could be read.
    fn read_log(
        &mut self,
        dir: &Path,
        at: u64,
        incidents: &mut Vec<Incident>,
    ) -> Option<Vec<Line>> {
        let path = dir.join(LOG);
        let (text, metadata) = match read_file(&path, MAX_BYTES) {
            Ok(read) => read,
            Err(error) => {
                *self = Self::default();
                if is_not_found(&error) {
                    return Some(Vec::new());
                }
                incidents.push(set_aside(&path, at, &error));
                return None;
            }
        };
        let log::Parsed { lines, refused } = log::parse(&text);
        self.stamp = Some(Stamp::of(&metadata));
        self.logged = lines.iter().map(|line| line.host.as_str().into()).collect();
        if let Some(refused) = refused {
            let why = anyhow::anyhow!("{refused}; its other lines are taken over");
            incidents.push(set_aside(&path, at, &why));
            *self = Self::default();
        }
        Some(lines)
    }

    /// Writes a batch.
    pub fn write(&mut self, dir: &Path, batch: HostsBatch, at: u64) -> Outcome {
        let mut outcome = Outcome::default();
        if !batch.seen.is_empty()
            && let Err(error) = seen::append(dir, SEEN, &batch.seen)
        {
            outcome.error.get_or_insert((SEEN, error));
            outcome.failed.seen = batch.seen;
        }
        if batch.log != LogChange::None {
            match self.write_log(dir, &batch.log, at, &mut outcome) {
                Ok(true) => {}
                Ok(false) => outcome.failed.log = batch.log,
                Err(error) => {
                    outcome.error.get_or_insert((LOG, error));
                    outcome.failed.log = batch.log;
                }
            }
        }
        if let Some(snapshot) = batch.snapshot {
            let written = saved::write(&snapshot)
                .and_then(|text| atomic::replace(dir, SAVED, &text, SAVED_MODE).map(|_| ()))
                .and_then(|()| atomic::sync_dir(dir));
            if let Err(error) = written {
                outcome.error.get_or_insert((SAVED, error));
                outcome.failed.snapshot = Some(snapshot);
            }
        }
        outcome
    }

    /// False where somebody else's lines are to be taken in first.
    fn write_log(
        &mut self,
        dir: &Path,
        change: &LogChange,
        at: u64,
        outcome: &mut Outcome,
    ) -> io::Result<bool> {
        let path = dir.join(LOG);
        let stamp = match fs::symlink_metadata(&path) {
            Ok(metadata) => Some(Stamp::of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if stamp != self.stamp {
            let ours = std::mem::take(&mut self.logged);
            let lines = self.read_log(dir, at, &mut outcome.incidents).unwrap_or_default();
            let is_new = |line: &Line| !ours.contains(line.host.as_str());
            outcome.found = lines.into_iter().filter(is_new).collect();
            return Ok(false);
        }
        let metadata = match change {
            LogChange::None => return Ok(true),
            LogChange::Append(hosts) => log::append(&path, hosts)?,
            LogChange::Replace(hosts) => {
                self.logged.clear();
                let metadata = atomic::replace(dir, LOG, &log::text(hosts), LOG_MODE)?;
                atomic::sync_dir(dir)?;
                metadata
            }
        };
        self.stamp = Some(Stamp::of(&metadata));
        if let LogChange::Append(hosts) | LogChange::Replace(hosts) = change {
            self.logged.extend(hosts.iter().map(|host| Arc::clone(&host.name)));
        }
        Ok(true)
    }
}

/// Which `saved` and switch there are; `None` where the file is missing.
type Saved = (Vec<Host>, Option<crate::hosts::Switched>);

fn read_saved(dir: &Path) -> Result<Option<Saved>> {
    match read_file(&dir.join(SAVED), MAX_BYTES) {
        Ok((text, _)) => saved::parse(&text).map(Some),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is known of the host of a line. Where they differ, the line is what somebody wrote.
fn merge(known: &mut HashMap<Arc<str>, Host>, line: Line) -> Host {
    if let Some(host) = known.remove(line.host.as_str()) {
        return host;
    }
    let mut host = Host::new(line.host.as_str().into(), false, 0);
    host.is_manual = !log::is_captured(&line.service);
    host.service = log::service(line.service);
    host.source_ip = line.source_ip;
    host.first_seen = line.seen;
    host.last_seen = line.seen;
    host
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
