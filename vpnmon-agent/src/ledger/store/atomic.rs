//! Whole-file replacement that a crash cannot tear.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Replaces `dir/name`: temporary file, fsync, rename. The name is durable after [`sync_dir`].
/// What the new file is known by.
pub fn replace(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> io::Result<fs::Metadata> {
    // The same name each time, so that a crash leaves one such file and no more.
    let temporary = dir.join(format!(".{name}.tmp"));
    let written = write_durably(&temporary, bytes, mode);
    let renamed = written.and_then(|written| {
        fs::rename(&temporary, dir.join(name))?;
        Ok(written)
    });
    if renamed.is_err() {
        // A full disk must not stay full of what could not be finished.
        let _gone_or_never_made = fs::remove_file(&temporary);
    }
    renamed
}

fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> io::Result<fs::Metadata> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    // The mode whatever the umask.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_data()?;
    file.metadata()
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
