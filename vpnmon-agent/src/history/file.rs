//! Opening the file, and what becomes of one that cannot be read.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use anyhow::{Result, anyhow, ensure};
use nix::unistd::geteuid;
use redb::{
    CommitError, Database, DatabaseError, ReadableDatabase as _, StorageError, TableError,
    TransactionError, backends::FileBackend,
};

use super::tables::{ACCOUNTS, OPEN, OVER};

/// Its name in the state directory.
pub const FILE: &str = "history.redb";
const MODE: u32 = 0o640;
/// What redb may keep of it in memory. The rows of one day of 10,000 accounts are 2 MiB.
const CACHE: usize = 8 << 20;

/// An open file.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Database,
    /// Nothing was in it.
    pub is_new: bool,
}

/// Opens the file, or makes it.
pub fn open(path: &Path) -> Result<Opened> {
    // A name pipe would block, a link would lead elsewhere.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE).custom_flags(flags);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file(), "it is no regular file");
    ensure!(metadata.uid() == geteuid().as_raw(), "it belongs to uid {}", metadata.uid());
    guarded(|| {
        let backend = FileBackend::new(file)?;
        let store = Database::builder().set_cache_size(CACHE).create_with_backend(backend)?;
        let read = store.begin_read()?;
        let is_new = read.list_tables()?.next().is_none();
        if !is_new {
            // Of another kind they are somebody else's.
            drop((read.open_table(OPEN)?, read.open_table(OVER)?, read.open_table(ACCOUNTS)?));
        }
        Ok(Opened { store, is_new })
    })
}

/// Whether it is a matter of the disk or of another process, and not of what is in the file.
pub fn is_passing(error: &anyhow::Error) -> bool {
    if let Some(DatabaseError::DatabaseAlreadyOpen) = error.downcast_ref() {
        return true;
    }
    match storage(error) {
        Some(StorageError::Io(error)) => is_of_disk(error),
        Some(error) => !matches!(error, StorageError::Corrupted(_)),
        None => error.downcast_ref().is_some_and(is_of_disk),
    }
}

fn is_of_disk(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, UnexpectedEof};
    !matches!(error.kind(), InvalidData | IsADirectory | UnexpectedEof)
        && error.raw_os_error() != Some(libc::ELOOP)
}

/// What is below the errors of redb's several steps.
fn storage(error: &anyhow::Error) -> Option<&StorageError> {
    if let Some(DatabaseError::Storage(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(TableError::Storage(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(TransactionError::Storage(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(CommitError::Storage(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.downcast_ref()
}

/// Runs `work`; a panic over a page that makes no sense is an error like any other.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing of ours is half done: a transaction that is not committed has not happened.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(anyhow!("it makes no sense")))
}
