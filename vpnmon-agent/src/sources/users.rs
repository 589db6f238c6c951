//! `/etc/passwd`, read again when it changes.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::users::Users;

/// The account database of the machine.
pub const PASSWD: &str = "/etc/passwd";
/// Some hundred bytes a line.
const MAX_BYTES: u64 = 256 << 20;

/// What tells that a file is not the one of the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

/// Watches the account database.
#[derive(Debug)]
pub struct UserWatch {
    path: PathBuf,
    range: (u32, u32),
    last: Option<Stamp>,
}

impl UserWatch {
    /// Nothing is read before the first [`UserWatch::changed`].
    #[must_use]
    pub fn new(path: &Path, range: (u32, u32)) -> Self {
        Self { path: path.to_owned(), range, last: None }
    }

    /// The accounts, if the file is not the one of the last look. While there is none, or an
    /// unreadable one, nothing is known to have changed.
    pub fn changed(&mut self) -> io::Result<Option<Users>> {
        let metadata = fs::metadata(&self.path)?;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let stamp = Stamp { inode: metadata.ino(), len: metadata.len(), changed };
        if self.last == Some(stamp) {
            return Ok(None);
        }
        if stamp.len > MAX_BYTES {
            return Err(io::Error::other(format!("larger than {MAX_BYTES} bytes")));
        }
        let users = Users::parse(&fs::read(&self.path)?, self.range);
        if !users.is_whole() {
            return Err(io::Error::other("it has no uid 0: somebody is writing it"));
        }
        self.last = Some(stamp);
        Ok(Some(users))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        let mut watch = UserWatch::new(&path, (1000, 60000));
        assert!(watch.changed().is_err());
        fs::write(&path, "root:x:0:").unwrap();
        assert!(watch.changed().unwrap().is_some());
        assert!(watch.changed().unwrap().is_none());
        fs::write(&path, "root:x:0:\neve:x:1002:\n").unwrap();
        assert_eq!(watch.changed().unwrap().unwrap().key(1002).to_string(), "ssh:eve");
    }

    #[test]
    fn a_file_that_is_not_whole_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        fs::write(&path, "eve:x:1002:\n").unwrap();
        let mut watch = UserWatch::new(&path, (1000, 60000));
        assert!(watch.changed().is_err());
        fs::write(&path, "eve:x:1002:\nroot:x:0:\n").unwrap();
        assert!(watch.changed().unwrap().is_some());
    }
}
