//! The state directory: usage files, the snapshot of the ledger, `events.jsonl`.
//!
//! Every file but the append-only ones is replaced whole, so a reader never sees half of one, and
//! a crash leaves the old or the new. The snapshot is written before the usage files of a batch.

pub mod atomic;
pub mod excerpts;
mod foreign;
pub mod hosts;
mod incidents;
pub mod kept;
pub mod load;
mod merge;
mod tail;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{
    hosts::{Restored, keep::HostsBatch},
    ledger::{
        batch::{Batch, Stored},
        file_name::usage_file_name,
        incident::Incident,
        record::Record,
        usage_file::UsageFile,
    },
    model::{AccountKey, Service},
};

pub use self::incidents::incident_json;
use self::{
    atomic::{Staged, Sync},
    foreign::{Found, Seen, Stamp},
};

const USAGE_DIR: &str = "usage";
const SNAPSHOT: &str = "ledger.json";
const EVENTS: &str = "events.jsonl";
/// Usage files a batch that are synced one by one.
const ONE_BY_ONE: usize = 32;
const SNAPSHOT_SCHEMA: u32 = 1;

/// The usage files are the panel's, which others read; the rest is root's.
const USAGE_MODE: u32 = 0o644;
const SNAPSHOT_MODE: u32 = 0o600;

/// All accounts, as the agent itself keeps them: with what has no room in the usage files.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    schema: u32,
    accounts: Vec<Record>,
}

/// The only one who writes to a state directory.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// Which service holds the bare file name of an account name.
    bare_names: HashMap<String, Service>,
    /// The usage files as they were when they were last written or read, by file name.
    seen: HashMap<String, Seen>,
    hosts: hosts::Files,
}

impl Store {
    /// Makes the directories where they are missing and proves that files can be written there.
    pub fn open(dir: &Path) -> Result<Self> {
        let usage = dir.join(USAGE_DIR);
        make_dir(&usage).with_context(|| format!("cannot make {}", usage.display()))?;
        atomic::probe(&usage).with_context(|| format!("cannot write to {}", usage.display()))?;
        let (bare_names, seen) = (HashMap::new(), HashMap::new());
        Ok(Self { dir: dir.to_owned(), bare_names, seen, hosts: hosts::Files::default() })
    }

    /// Where the usage files are.
    pub fn usage_dir(dir: &Path) -> PathBuf {
        dir.join(USAGE_DIR)
    }

    /// Writes a batch; what failed comes back, to be tried again, and so does what was found
    /// changed by somebody else.
    pub fn write(&mut self, batch: Batch, at: u64) -> Stored {
        let started = Instant::now();
        let mut stored = Stored::default();
        if let Some(records) = batch.snapshot
            && let Err(error) = self.write_snapshot(&records)
        {
            fail(&mut stored, SNAPSHOT, &error);
            stored.failed.snapshot = Some(Vec::new());
        }
        for key in batch.removed {
            if let Err(error) = self.remove(&key) {
                fail(&mut stored, &key, &error);
                stored.failed.removed.push(key);
            }
        }
        for name in batch.touched {
            self.inspect(&name, at, &mut stored);
        }
        self.write_records(batch.records, at, &mut stored);
        if let Err(error) = incidents::append(&self.dir.join(EVENTS), &batch.incidents) {
            fail(&mut stored, EVENTS, &error);
            stored.failed.incidents = batch.incidents;
        }
        self.write_hosts(*batch.hosts, at, &mut stored);
        stored.took = started.elapsed();
        stored
    }

    fn write_hosts(&mut self, batch: HostsBatch, at: u64, stored: &mut Stored) {
        let outcome = self.hosts.write(&self.dir, batch, at);
        if let Some((file, error)) = &outcome.error {
            fail(stored, file, error);
        }
        *stored.failed.hosts = outcome.failed;
        stored.found_hosts = outcome.found;
        stored.incidents.extend(outcome.incidents);
    }

    /// Reads what is known of hosts; a damaged file is set aside, never overwritten.
    pub fn load_hosts(&mut self, at: u64, incidents: &mut Vec<Incident>) -> Restored {
        self.hosts.load(&self.dir, at, incidents)
    }

    fn write_records(&mut self, records: Vec<Record>, at: u64, stored: &mut Stored) {
        if records.is_empty() {
            return;
        }
        let usage = self.dir.join(USAGE_DIR);
        // One by one is kinder to whoever else writes; thousands one by one would take minutes.
        let sync = if records.len() > ONE_BY_ONE { Sync::Together } else { Sync::Now };
        let mut staged = Vec::with_capacity(records.len());
        for record in records {
            match self.stage_usage(&record, sync, at, stored) {
                Ok(Some((name, file))) => staged.push((name, file, record)),
                Ok(None) => stored.failed.records.push(record),
                Err(error) => fail_record(stored, record, &error),
            }
        }
        if sync == Sync::Together
            && let Err(error) = atomic::sync_file_system(&usage)
        {
            for (_, file, record) in staged {
                file.discard();
                fail_record(stored, record, &error);
            }
            return;
        }
        for (name, file, record) in staged {
            match file.publish() {
                Ok(metadata) => {
                    let seen = Seen { stamp: Stamp::of(&metadata), record };
                    self.seen.insert(name, seen);
                }
                Err(error) => fail_record(stored, record, &error),
            }
        }
        // One for all: the renames above reach the disk together.
        if let Err(error) = atomic::sync_dir(&usage) {
            fail(stored, USAGE_DIR, &error);
        }
    }

    /// `None` where somebody else's change is to be taken in first.
    fn stage_usage(
        &mut self,
        record: &Record,
        sync: Sync,
        at: u64,
        stored: &mut Stored,
    ) -> io::Result<Option<(String, Staged)>> {
        let key = record.key();
        let name = self.file_name(&key)?;
        if self.take_in(&name, &key, at, stored)? {
            return Ok(None);
        }
        let mut text = serde_json::to_vec_pretty(&UsageFile::of(record))?;
        text.push(b'\n');
        let staged = atomic::stage(&self.dir.join(USAGE_DIR), &name, &text, USAGE_MODE, sync)?;
        Ok(Some((name, staged)))
    }

    /// Looks at a file that something has happened to.
    fn inspect(&mut self, name: &str, at: u64, stored: &mut Stored) {
        let Some(seen) = self.seen.get(name) else { return };
        let record = seen.record.clone();
        match self.take_in(name, &record.key(), at, stored) {
            Ok(false) if self.seen.contains_key(name) => {}
            // Set aside: to be written anew.
            Ok(_) => stored.failed.records.push(record),
            Err(error) => fail(stored, name, &error),
        }
    }

    /// Whether somebody has changed the file; what they changed goes into `stored`.
    fn take_in(
        &mut self,
        name: &str,
        key: &AccountKey,
        at: u64,
        stored: &mut Stored,
    ) -> io::Result<bool> {
        let path = self.dir.join(USAGE_DIR).join(name);
        match foreign::look(&path, key, self.seen.get(name), at)? {
            Found::Ours => Ok(false),
            Found::Edited(edited) => {
                let (edit, seen) = *edited;
                stored.edits.push(edit);
                self.seen.insert(name.to_owned(), seen);
                Ok(true)
            }
            Found::Aside(incident) => {
                self.seen.remove(name);
                stored.incidents.push(incident);
                Ok(false)
            }
        }
    }

    fn write_snapshot(&self, records: &[Record]) -> io::Result<()> {
        let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, accounts: records.to_vec() };
        let text = serde_json::to_vec(&snapshot)?;
        let _stamp = atomic::replace(&self.dir, SNAPSHOT, &text, SNAPSHOT_MODE)?;
        atomic::sync_dir(&self.dir)
    }

    /// Finds the name of an account's file, and makes room for it: a bare name is `ssh`'s first.
    fn file_name(&mut self, key: &AccountKey) -> io::Result<String> {
        let holder = *self.bare_names.entry(key.name.clone()).or_insert(key.service);
        if holder != key.service && key.service == Service::Ssh {
            let other = AccountKey::new(holder, key.name.clone());
            let usage = self.dir.join(USAGE_DIR);
            let (from, to) = (usage_file_name(&other, false), usage_file_name(&other, true));
            fs::rename(usage.join(&from), usage.join(&to))?;
            if let Some(seen) = self.seen.remove(&from) {
                self.seen.insert(to, seen);
            }
            self.bare_names.insert(key.name.clone(), Service::Ssh);
        }
        Ok(usage_file_name(key, holder != key.service))
    }

    fn remove(&mut self, key: &AccountKey) -> io::Result<()> {
        let name = self.file_name(key)?;
        if self.bare_names.get(&key.name) == Some(&key.service) {
            self.bare_names.remove(&key.name);
        }
        self.seen.remove(&name);
        match fs::remove_file(self.dir.join(USAGE_DIR).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn fail_record(stored: &mut Stored, record: Record, error: &io::Error) {
    fail(stored, record.key(), error);
    stored.failed.records.push(record);
}

fn fail(stored: &mut Stored, what: impl std::fmt::Display, error: &io::Error) {
    stored.error.get_or_insert_with(|| format!("cannot write {what}: {error}"));
}

fn make_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o755).create(dir)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
