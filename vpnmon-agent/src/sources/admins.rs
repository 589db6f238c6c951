//! Who looks after this machine: `/etc/passwd`, `/etc/group`, `/etc/sudoers` and what it includes.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::users::PASSWD;
use crate::admins::{
    Admins,
    sudoers::{Include, Sudoers},
};

const GROUP: &str = "/etc/group";
/// Debian's, and where the ports of other systems keep it.
const SUDOERS: [&str; 2] = ["/etc/sudoers", "/usr/local/etc/sudoers"];
/// Files that sudo reads.
const MAX_FILES: usize = 1000;
const MAX_BYTES: u64 = 64 << 20;

/// What tells that a file is not the one of the last look.
type Stamp = Option<(u64, u64, i64, i64)>;

/// Watches the files.
#[derive(Debug, Default)]
pub struct AdminWatch(HashMap<PathBuf, Stamp>);

impl AdminWatch {
    /// Who they are, if any of the files is not the one of the last look.
    pub fn changed(&mut self) -> Option<Admins> {
        let is_old = |(path, seen): (&PathBuf, &Stamp)| stamp(path) == *seen;
        if !self.0.is_empty() && self.0.iter().all(is_old) {
            return None;
        }
        let mut files = HashMap::new();
        let admins = read(&mut files);
        self.0 = files;
        Some(admins)
    }
}

/// Who they are now.
pub fn read_admins() -> Admins {
    read(&mut HashMap::new())
}

/// Each file and directory that was looked at gets into `seen`, with its stamp from before.
fn read(seen: &mut HashMap<PathBuf, Stamp>) -> Admins {
    match read_all(seen) {
        Ok(admins) => admins,
        Err(why) => Admins::unknown(&why),
    }
}

fn read_all(seen: &mut HashMap<PathBuf, Stamp>) -> Result<Admins, String> {
    let passwd = file(Path::new(PASSWD), seen)?.unwrap_or_default();
    let group = file(Path::new(GROUP), seen)?.unwrap_or_default();
    let mut sudoers = Sudoers::default();
    let mut left: Vec<PathBuf> = SUDOERS.iter().map(PathBuf::from).collect();
    let mut known: HashSet<PathBuf> = HashSet::new();
    while let Some(path) = left.pop() {
        if !known.insert(path.clone()) {
            continue;
        }
        if known.len() > MAX_FILES {
            return Err(format!("sudoers includes more than {MAX_FILES} files"));
        }
        if let Some(text) = file(&path, seen)? {
            sudoers.add(&text);
        }
        for include in std::mem::take(&mut sudoers.includes) {
            left.extend(included(&path, include, seen)?);
        }
    }
    Ok(Admins::read(&passwd, &group, &sudoers))
}

/// The files that an include names; sudo leaves out names with a dot and those that end in `~`.
fn included(
    from: &Path,
    include: Include,
    seen: &mut HashMap<PathBuf, Stamp>,
) -> Result<Vec<PathBuf>, String> {
    let dir = from.parent().unwrap_or(Path::new("/"));
    let dir = match include {
        Include::File(path) => return Ok(vec![dir.join(with_host(&path))]),
        Include::Dir(path) => dir.join(with_host(&path)),
    };
    seen.insert(dir.clone(), stamp(&dir));
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot list {}: {error}", dir.display())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot list {}: {error}", dir.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.contains('.') && !name.ends_with('~') && !path.is_dir() {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// `%h` is the machine's name without its domain.
fn with_host(path: &str) -> String {
    if !path.contains("%h") {
        return path.to_owned();
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    path.replace("%h", host.trim().split('.').next().unwrap_or_default())
}

fn file(path: &Path, seen: &mut HashMap<PathBuf, Stamp>) -> Result<Option<Vec<u8>>, String> {
    let stamp = stamp(path);
    seen.insert(path.to_owned(), stamp);
    if stamp.is_some_and(|(_, len, ..)| len > MAX_BYTES) {
        return Err(format!("{} is larger than {MAX_BYTES} bytes", path.display()));
    }
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

fn stamp(path: &Path) -> Stamp {
    let it = fs::metadata(path).ok()?;
    Some((it.ino(), it.len(), it.ctime(), it.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_followed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (main, sub) = (dir.path().join("sudoers"), dir.path().join("d"));
        fs::create_dir(&sub).unwrap();
        fs::write(sub.join("one"), "bob ALL=ALL\n@include ../sudoers\n").unwrap();
        fs::write(sub.join("two.bak"), "eve ALL=ALL\n").unwrap();
        let include = Include::Dir("d".to_owned());
        let mut seen = HashMap::new();
        assert_eq!(included(&main, include, &mut seen).unwrap(), [sub.join("one")]);
        assert!(seen.contains_key(&sub));
        let file = Include::File("../sudoers".to_owned());
        assert_eq!(included(&sub.join("one"), file, &mut seen).unwrap(), [sub.join("../sudoers")]);
    }

    #[test]
    fn nothing_is_told_while_nothing_changes() {
        let mut watch = AdminWatch::default();
        assert!(watch.changed().is_some());
        assert!(watch.changed().is_none());
        assert!(read_admins().why("root").is_some());
    }
}
