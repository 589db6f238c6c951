//! The state directory: usage files, the snapshot of the ledger, `events.jsonl`.
//!
//! Every file but the append-only ones is replaced whole, so a reader never sees half of one, and
//! a crash leaves the old or the new. The snapshot is written before the usage files of a batch.

mod atomic;
mod incidents;
mod load;
mod merge;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::{
    event::{Batch, Stored},
    ledger::{file_name::usage_file_name, record::Record, usage_file::UsageFile},
    model::{AccountKey, Service},
};

const USAGE_DIR: &str = "usage";
const SNAPSHOT: &str = "ledger.json";
const EVENTS: &str = "events.jsonl";
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
}

impl Store {
    /// Makes the directories where they are missing and proves that files can be written there.
    pub fn open(dir: &Path) -> Result<Self> {
        let usage = dir.join(USAGE_DIR);
        make_dir(&usage).with_context(|| format!("cannot make {}", usage.display()))?;
        atomic::probe(&usage).with_context(|| format!("cannot write to {}", usage.display()))?;
        Ok(Self { dir: dir.to_owned(), bare_names: HashMap::new() })
    }

    /// Writes a batch; what failed comes back, to be tried again.
    pub fn write(&mut self, batch: Batch) -> Stored {
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
        self.write_records(batch.records, &mut stored);
        if let Err(error) = incidents::append(&self.dir.join(EVENTS), &batch.incidents) {
            fail(&mut stored, EVENTS, &error);
            stored.failed.incidents = batch.incidents;
        }
        stored
    }

    fn write_records(&mut self, records: Vec<Record>, stored: &mut Stored) {
        if records.is_empty() {
            return;
        }
        for record in records {
            if let Err(error) = self.write_usage(&record) {
                fail(stored, record.key(), &error);
                stored.failed.records.push(record);
            }
        }
        // One for all: the renames above reach the disk together.
        if let Err(error) = atomic::sync_dir(&self.dir.join(USAGE_DIR)) {
            fail(stored, USAGE_DIR, &error);
        }
    }

    fn write_usage(&mut self, record: &Record) -> io::Result<()> {
        let name = self.file_name(&record.key())?;
        let mut text = serde_json::to_vec_pretty(&UsageFile::of(record))?;
        text.push(b'\n');
        atomic::replace(&self.dir.join(USAGE_DIR), &name, &text, USAGE_MODE)
    }

    fn write_snapshot(&self, records: &[Record]) -> io::Result<()> {
        let snapshot = Snapshot { schema: SNAPSHOT_SCHEMA, accounts: records.to_vec() };
        atomic::replace(&self.dir, SNAPSHOT, &serde_json::to_vec(&snapshot)?, SNAPSHOT_MODE)?;
        atomic::sync_dir(&self.dir)
    }

    /// Finds the name of an account's file, and makes room for it: a bare name is `ssh`'s first.
    fn file_name(&mut self, key: &AccountKey) -> io::Result<String> {
        let holder = *self.bare_names.entry(key.name.clone()).or_insert(key.service);
        if holder != key.service && key.service == Service::Ssh {
            let other = AccountKey::new(holder, key.name.clone());
            let usage = self.dir.join(USAGE_DIR);
            let (from, to) = (usage_file_name(&other, false), usage_file_name(&other, true));
            fs::rename(usage.join(from), usage.join(to))?;
            self.bare_names.insert(key.name.clone(), Service::Ssh);
        }
        Ok(usage_file_name(key, holder != key.service))
    }

    fn remove(&mut self, key: &AccountKey) -> io::Result<()> {
        let name = self.file_name(key)?;
        if self.bare_names.get(&key.name) == Some(&key.service) {
            self.bare_names.remove(&key.name);
        }
        match fs::remove_file(self.dir.join(USAGE_DIR).join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
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
