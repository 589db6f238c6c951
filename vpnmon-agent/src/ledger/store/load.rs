//! What a start finds in the state directory.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::unistd::geteuid;

use crate::{
    ledger::{
        file_name::usage_file_name,
        incident::{Incident, Kind},
        record::Record,
        store::{
            SNAPSHOT, SNAPSHOT_SCHEMA, Snapshot, Store, USAGE_DIR,
            foreign::{Seen, Stamp, keep_for_import},
            merge::{FromDisk, merge},
        },
        usage_file::UsageFile,
    },
    model::AccountKey,
};

/// A usage file has fourteen short keys.
const MAX_USAGE_BYTES: u64 = 64 << 10;
const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// Everything that could be read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// One an account.
    pub records: Vec<Record>,
    /// What could not be read and was set aside.
    pub incidents: Vec<Incident>,
}

impl Store {
    /// Reads the snapshot and the usage files; a damaged one is set aside, never overwritten.
    pub fn load(&mut self, unix_seconds: u64) -> Result<Loaded> {
        let mut incidents = Vec::new();
        let snapshot = self.load_snapshot(unix_seconds, &mut incidents);
        let files = self.load_usage(unix_seconds, &mut incidents)?;
        for key in files.keys() {
            self.bare_names.entry(key.name.clone()).or_insert(key.service);
        }
        Ok(Loaded { records: merge(files, snapshot), incidents })
    }

    fn load_snapshot(
        &self,
        at: u64,
        incidents: &mut Vec<Incident>,
    ) -> HashMap<AccountKey, FromDisk> {
        let path = self.dir.join(SNAPSHOT);
        match read_snapshot(&path) {
            Ok(records) => records,
            Err(error) if is_not_found(&error) => HashMap::new(),
            Err(error) => {
                incidents.push(set_aside(&path, at, &error));
                HashMap::new()
            }
        }
    }

    fn load_usage(
        &mut self,
        at: u64,
        incidents: &mut Vec<Incident>,
    ) -> Result<HashMap<AccountKey, FromDisk>> {
        let dir = self.dir.join(USAGE_DIR);
        let cannot_list = || format!("cannot list {}", dir.display());
        let mut files = HashMap::new();
        for entry in fs::read_dir(&dir).with_context(cannot_list)? {
            let path = entry.with_context(cannot_list)?.path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.extension() != Some(OsStr::new("json")) || name.starts_with('.') {
                continue;
            }
            match read_usage(&path, name) {
                Ok(Some((found, seen))) => {
                    self.seen.insert(name.to_owned(), seen);
                    files.insert(found.record.key(), found);
                }
                Ok(None) => {}
                Err(error) => incidents.push(set_aside(&path, at, &error)),
            }
        }
        Ok(files)
    }
}

fn read_snapshot(path: &Path) -> Result<HashMap<AccountKey, FromDisk>> {
    let (text, metadata) = read_file(path, MAX_SNAPSHOT_BYTES)?;
    let written = metadata.modified()?;
    let each = parse_snapshot(&text)?.into_iter();
    Ok(each.map(|record| (record.key(), FromDisk { record, written })).collect())
}

/// The accounts of a snapshot.
pub fn parse_snapshot(text: &[u8]) -> Result<Vec<Record>> {
    let snapshot: Snapshot = serde_json::from_slice(text)?;
    ensure!(
        snapshot.schema == SNAPSHOT_SCHEMA,
        "its schema is {}, this build knows {SNAPSHOT_SCHEMA}",
        snapshot.schema
    );
    Ok(snapshot.accounts)
}

/// The account of a usage file.
pub fn parse_usage(text: &[u8]) -> Result<Record> {
    let file: UsageFile = serde_json::from_slice(text)?;
    file.into_record().map_err(|why| anyhow!(why))
}

/// `None` for a file of the old panel, which is kept for `import`.
fn read_usage(path: &Path, name: &str) -> Result<Option<(FromDisk, Seen)>> {
    let (text, metadata) = read_file(path, MAX_USAGE_BYTES)?;
    if keep_for_import(path, &text)? {
        return Ok(None);
    }
    let record = parse_usage(&text)?;
    let key = record.key();
    let fits = [false, true].iter().any(|taken| usage_file_name(&key, *taken) == name);
    ensure!(fits, "it is the file of another account: {key:?}");
    let seen = Seen { stamp: Stamp::of(&metadata), record: record.clone() };
    Ok(Some((FromDisk { record, written: metadata.modified()? }, seen)))
}

/// Reads a regular file of ours.
pub fn read_file(path: &Path, max_bytes: u64) -> Result<(Vec<u8>, fs::Metadata)> {
    // A name pipe would block, a link would lead elsewhere.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file(), "it is no regular file");
    ensure!(metadata.uid() == geteuid().as_raw(), "it belongs to uid {}", metadata.uid());
    ensure!(metadata.len() <= max_bytes, "it is larger than {max_bytes} bytes");
    let mut text = Vec::new();
    (&file).take(max_bytes).read_to_end(&mut text)?;
    Ok((text, metadata))
}

pub fn is_not_found(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Renames a file to `NAME.bad-TIME`, beside itself.
pub fn set_aside(path: &Path, at: u64, why: &anyhow::Error) -> Incident {
    let free = (0..).map(|n| {
        let suffix = if n == 0 { format!("bad-{at}") } else { format!("bad-{at}-{n}") };
        path.with_added_extension(suffix)
    });
    let aside = free.into_iter().find(|aside| fs::symlink_metadata(aside).is_err());
    let moved = aside.as_ref().map(|aside| fs::rename(path, aside));
    let outcome = match (&aside, moved) {
        (Some(aside), Some(Ok(()))) => format!("set aside as {}", aside.display()),
        (_, Some(Err(error))) => format!("could not be set aside: {error}"),
        _ => "could not be set aside".to_owned(),
    };
    let reason = format!("{}: {why:#}; {outcome}", path.display());
    Incident { at, kind: Kind::BadFile, account: None, reason }
}
