//! Reads the config again when it is another file.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Conf, parse_with};
use crate::ledger::store::excerpts::Excerpt;

/// Some hundred thousand users.
pub const MAX_BYTES: u64 = 64 << 20;

/// What tells that a file is another one: inode, length and time of its last change.
type Stamp = (u64, u64, i64, i64);

/// What the last look has found.
#[derive(Debug, PartialEq, Eq)]
enum Last {
    /// There was no look.
    None,
    /// No file.
    Nothing,
    /// This one.
    File(Stamp),
}

/// Watches the file.
#[derive(Debug)]
pub struct ConfWatch {
    path: PathBuf,
    last: Last,
}

impl ConfWatch {
    /// The first look finds a change.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), last: Last::None }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the file of the last look changed last, in Unix time.
    pub fn changed_at(&self) -> Option<Duration> {
        let Last::File((_, _, seconds, nanoseconds)) = self.last else { return None };
        Some(Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?))
    }

    /// The config, if it is not the one of the last look, with the clients that are cut out of it; an
    /// error where it cannot be read.
    pub fn changed(
        &mut self,
        excerpts: impl FnOnce() -> Vec<Excerpt>,
    ) -> Option<Result<Conf, String>> {
        let now = stamp(&self.path).map_or(Last::Nothing, Last::File);
        if self.last == now {
            return None;
        }
        self.last = now;
        Some(read(&self.path).map(|text| parse_with(&text, &excerpts())))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let it = fs::metadata(path).ok()?;
    Some((it.ino(), it.len(), it.ctime(), it.ctime_nsec()))
}

/// The text of a config.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |why: String| format!("cannot read {}: {why}", path.display());
    // Not a pipe that somebody put there: opening that could wait for ever.
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(|error| cannot(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| cannot(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(cannot(format!("it is no regular file of up to {} MiB", MAX_BYTES >> 20)));
    }
    let mut text = Vec::new();
    let read = file.take(MAX_BYTES).read_to_end(&mut text);
    read.map_err(|error| cannot(error.to_string()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let mut watch = ConfWatch::new(&path);
        assert!(watch.changed(Vec::new).unwrap().is_err());
        assert!(watch.changed(Vec::new).is_none());
        fs::write(&path, "{\"stats\": {}}").unwrap();
        assert!(watch.changed(Vec::new).unwrap().unwrap().has_stats);
        assert!(watch.changed(Vec::new).is_none());
        fs::remove_file(&path).unwrap();
        assert!(watch.changed(Vec::new).unwrap().is_err());
    }
}
