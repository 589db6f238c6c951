//! Whole-file replacement that a crash cannot tear: temporary file, its data to disk, rename.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Replaces `dir/name`. The name is durable after [`sync_dir`]. What the new file is known by.
pub fn replace(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> io::Result<fs::Metadata> {
    stage(dir, name, bytes, mode, Sync::Now)?.publish()
}

/// When the data of a temporary file gets to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before it is closed.
    Now,
    /// By [`sync_file_system`], before it is published.
    Together,
}

/// A whole new file under its temporary name.
#[derive(Debug)]
pub struct Staged {
    metadata: fs::Metadata,
    temporary: PathBuf,
    path: PathBuf,
}

/// Writes the temporary file of `dir/name`.
pub fn stage(dir: &Path, name: &str, bytes: &[u8], mode: u32, sync: Sync) -> io::Result<Staged> {
    // The same name each time, so that a crash leaves one such file and no more.
    let temporary = dir.join(format!(".{name}.tmp"));
    match write(&temporary, bytes, mode, sync) {
        Ok(metadata) => Ok(Staged { metadata, temporary, path: dir.join(name) }),
        Err(error) => {
            // A full disk must not stay full of what could not be finished.
            let _gone_or_never_made = fs::remove_file(&temporary);
            Err(error)
        }
    }
}

impl Staged {
    /// Where it is until then.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Renames it into place; its data is on the disk.
    pub fn publish(self) -> io::Result<fs::Metadata> {
        match fs::rename(&self.temporary, &self.path) {
            Ok(()) => Ok(self.metadata),
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Takes it away again.
    pub fn discard(self) {
        let _gone_already = fs::remove_file(&self.temporary);
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32, sync: Sync) -> io::Result<fs::Metadata> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    // The mode whatever the umask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    if sync == Sync::Now {
        file.sync_data()?;
    }
    file.metadata()
}

/// Brings all that was written to the file system of `dir` to its disk (syncfs(2)).
pub fn sync_file_system(dir: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(File::open(dir)?)?)
}

/// Makes the renames in a directory durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Proves that files can be made in `dir`; leaves none.
pub fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join(".probe.tmp");
    let made = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
    made.and_then(|_| fs::remove_file(&path))
}
