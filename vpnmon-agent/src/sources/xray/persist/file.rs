//! The config file: read whole, replaced whole, with nobody else's change lost.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, XattrFlags, fgetxattr, flistxattr, fsetxattr, renameat_with},
    io::Errno,
};

use crate::{ledger::store::atomic, sources::xray::conf::watch::MAX_BYTES};

/// Earlier states of the file that are left beside it.
const BACKUPS: usize = 5;
/// A list of names, or a value, of extended attributes is at most so long.
const MAX_ATTRIBUTE: usize = 64 << 10;

/// Why the file is not replaced.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Somebody else has changed it meanwhile, or is about to.
    #[error("somebody else changes it over and over, or has locked it")]
    Changed,
    /// Something else.
    #[error("{0}")]
    Here(String),
}

/// The file, as it was when it was opened.
#[derive(Debug)]
pub struct ConfigFile {
    /// No link.
    path: PathBuf,
    file: File,
    metadata: fs::Metadata,
    /// What it says.
    pub text: String,
}

impl ConfigFile {
    /// Opens and reads it.
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        let cannot = |error: io::Error| Trouble::Here(format!("cannot read it: {error}"));
        let path = fs::canonicalize(path).map_err(cannot)?;
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW);
        let mut file = options.open(&path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(cannot(io::Error::other("it is no regular file, or too long")));
        }
        if metadata.nlink() > 1 {
            return Err(Trouble::Here("it has a second name (a hard link)".to_owned()));
        }
        let text = text(&mut file).map_err(cannot)?;
        Ok(Self { path, file, metadata, text })
    }

    /// Puts `text` in its place, if it `is_accepted` and the file is still as it was; where the file
    /// as it was is now. A crash leaves the one or the other.
    pub fn replace(
        mut self,
        text: &str,
        is_accepted: impl Fn(File) -> Result<(), String>,
    ) -> Result<PathBuf, Trouble> {
        let here = |error: io::Error| Trouble::Here(format!("cannot write beside it: {error}"));
        let temporary = self.beside(".vpnmon");
        let done = self.stage(&temporary, text).map_err(here).and_then(|()| {
            if let Err(why) = is_accepted(File::open(&temporary).map_err(here)?) {
                return Err(Trouble::Here(self.blamed(&why, &is_accepted)));
            }
            self.exchange(&temporary)
        });
        if done.is_err() {
            let _not_made = fs::remove_file(&temporary);
        }
        done
    }

    /// A test that refuses the file as it is says nothing about an edit.
    fn blamed(&self, why: &str, is_accepted: &impl Fn(File) -> Result<(), String>) -> String {
        let before = File::open(&self.path).map_err(|error| error.to_string());
        match before.and_then(is_accepted) {
            Ok(()) => format!("Xray does not take it without the user: {why}"),
            Err(why) => format!("it cannot be tested: {why}"),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let dot = if ending.starts_with(".vpnmon-") { "" } else { "." };
        self.path.with_file_name(format!("{dot}{name}{ending}"))
    }

    /// The new file under another name: with the owner, mode and attributes of the old one.
    fn stage(&self, temporary: &Path, text: &str) -> io::Result<()> {
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(temporary)?;
        file.write_all(text.as_bytes())?;
        fchown(&file, Some(self.metadata.uid()), Some(self.metadata.gid()))?;
        file.set_permissions(Permissions::from_mode(self.metadata.mode() & 0o7777))?;
        copy_attributes(&self.file, &file)?;
        file.sync_all()
    }

    /// Both change names in one go, so that what comes out is what was replaced: if that is not what
    /// was read, it goes back.
    fn exchange(&mut self, temporary: &Path) -> Result<PathBuf, Trouble> {
        let here = |error: io::Error| Trouble::Here(format!("cannot replace it: {error}"));
        // Who keeps to locks is not disturbed.
        if let Err(TryLockError::WouldBlock) = self.file.try_lock() {
            return Err(Trouble::Changed);
        }
        let path = self.path.clone();
        if !self.is_as_read(&path) {
            return Err(Trouble::Changed);
        }
        let backup = self.backup();
        let exchange = || renameat_with(CWD, temporary, CWD, &path, RenameFlags::EXCHANGE);
        match exchange() {
            Ok(()) if self.is_as_read(temporary) => fs::rename(temporary, &backup).map_err(here)?,
            Ok(()) => {
                exchange().map_err(|error| here(error.into()))?;
                return Err(Trouble::Changed);
            }
            // A file system that cannot: there is a moment then that nobody watches.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::hard_link(&path, &backup).map_err(here)?;
                fs::rename(temporary, &path).map_err(here)?;
            }
            Err(error) => return Err(here(error.into())),
        }
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        atomic::sync_dir(dir).map_err(here)?;
        self.prune(dir);
        Ok(backup)
    }

    /// Whether `path` names the file that was read, and that says what it said.
    fn is_as_read(&mut self, path: &Path) -> bool {
        let same =
            |it: fs::Metadata| (it.dev(), it.ino()) == (self.metadata.dev(), self.metadata.ino());
        fs::symlink_metadata(path).is_ok_and(same)
            && self.file.rewind().is_ok()
            && text(&mut self.file).is_ok_and(|now| now == self.text)
    }

    /// A name that sorts by time, and that no server takes for a config of its directory.
    fn backup(&self) -> PathBuf {
        let at = jiff::Timestamp::now().strftime(".vpnmon-%Y%m%dT%H%M%S.%6f");
        self.beside(&at.to_string())
    }

    fn prune(&self, dir: &Path) {
        let prefix = self.beside(".vpnmon-");
        let prefix = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
        let mut ours: Vec<_> = ours.map(|entry| entry.path()).collect();
        ours.sort();
        for path in ours.iter().rev().skip(BACKUPS) {
            let _gone_already = fs::remove_file(path);
        }
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8"))
}

/// Access lists and security labels among them.
fn copy_attributes(from: &File, to: &File) -> io::Result<()> {
    let mut names = vec![0; MAX_ATTRIBUTE];
    let length = match flistxattr(from, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0; MAX_ATTRIBUTE];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let length = fgetxattr(from, name, &mut value[..])?;
        fsetxattr(to, name, &value[..length], XattrFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
