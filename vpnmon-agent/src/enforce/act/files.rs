//! Files that name a user: mail, lines of the old panel; and how a line is taken out of one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::Path,
};

use crate::{
    enforce::{panel, system::Reason},
    ledger::store::atomic,
    order::Person,
};

const MAIL: [&str; 2] = ["/var/mail", "/var/spool/mail"];
const PANEL: &str = "/etc/xray";
/// Files with lines; a hundred thousand users take a third of it.
const MAX_BYTES: u64 = 16 << 20;

/// Removes the mail spool. What was left alone, and why.
pub fn remove_mail(person: &Person) -> Result<Option<String>, Reason> {
    let mut left = None;
    for dir in MAIL {
        let path = Path::new(dir).join(&person.name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                left = Some(format!("{} stays: it is a directory", path.display()));
            }
            Ok(_) => remove_file(&path)?,
            Err(error) if is_nothing(&error) => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Ok(left)
}

/// Takes the user's lines out of the old panel's files.
pub fn remove_panel_lines(name: &str) -> Result<(), Reason> {
    let dir = Path::new(PANEL);
    let limits = read(&dir.join("bw-limit.conf"))?.unwrap_or_default();
    let is_shared = panel::is_shared(&limits, name);
    for (file, form) in panel::FILES {
        if form == panel::Form::Counts && is_shared {
            continue;
        }
        rewrite(&dir.join(file), |text| panel::without(text, form, name))?;
    }
    Ok(())
}

/// Replaces a file by what `edit` makes of it, if anything, with its mode and owner.
pub fn rewrite(path: &Path, edit: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<(), Reason> {
    let Some(text) = read(path)? else { return Ok(()) };
    let Some(edited) = edit(&text) else { return Ok(()) };
    replace(path, &edited)
        .map_err(|error| format!("cannot rewrite {}: {error}", path.display()))?;
    match read(path)? {
        Some(now) if edit(&now).is_some() => Err(format!("{} has them again", path.display())),
        _ => Ok(()),
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename));
    };
    let before = fs::symlink_metadata(path)?;
    let staged = atomic::stage(dir, name, text, before.mode() & 0o7777, atomic::Sync::Now)?;
    let owned = File::open(staged.temporary())
        .and_then(|file| fchown(&file, Some(before.uid()), Some(before.gid())));
    if let Err(error) = owned {
        staged.discard();
        return Err(error);
    }
    staged.publish()?;
    atomic::sync_dir(dir)
}

/// The bytes of a regular file, `None` if there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Reason> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", path.display());
    // A link would lead elsewhere, a pipe would block.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if is_nothing(&error) => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(format!("{} is no regular file, or too large", path.display()));
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).map_err(cannot)?;
    Ok(Some(text))
}

/// Removes a file, and looks whether it is gone.
pub fn remove_file(path: &Path) -> Result<(), Reason> {
    match fs::remove_file(path) {
        Err(error) if !is_nothing(&error) => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Whether an error says that there is no such thing.
pub fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
