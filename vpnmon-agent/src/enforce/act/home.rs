//! The home directory: removed only where it is certain to be the user's alone.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Component, Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{command, files::is_nothing};
use crate::{enforce::system::Reason, kernel::mounts, order::Person, sources::users::PASSWD};

/// A home lies at least in a directory of homes.
const MIN_DEPTH: usize = 2;
/// Millions of files take minutes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Removes a home. What was left alone, and why.
pub fn remove(person: &Person, home: &str) -> Result<Option<String>, Reason> {
    let stays = |why: &str| Ok(Some(format!("home {home} stays: {why}")));
    let path = Path::new(home);
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_nothing(&error) => return Ok(None),
        Err(error) => return Err(format!("{home}: {error}")),
    };
    if !is_deep(path) {
        return stays("it is no directory of one user");
    }
    if !found.is_dir() {
        return stays("it is no directory");
    }
    if found.uid() != person.uid {
        return stays("it is not the user's own");
    }
    let real = fs::canonicalize(path).map_err(|error| format!("{home}: {error}"))?;
    if !is_deep(&real) {
        return stays("it is no directory of one user");
    }
    let passwd = fs::read(PASSWD).map_err(|error| format!("cannot read {PASSWD}: {error}"))?;
    if let Some(other) = shared_with(&real, &person.name, &passwd) {
        return stays(&format!("{other} has a home in it too"));
    }
    if let Some(mount) = mounted_in(&real)? {
        return Err(format!("something is mounted at {}; unmount it", mount.display()));
    }
    empty(&real)
}

/// Removes a directory tree. rm(1) follows no link, and no depth of directories is too much for it.
fn empty(home: &Path) -> Result<Option<String>, Reason> {
    let mut command = Command::new("rm");
    command.args(["-rf", "--one-file-system", "--"]).arg(home).env("LC_ALL", "C");
    command::end("rm", command, PATIENCE).map_err(|(_, why)| why)?;
    match fs::symlink_metadata(home) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => Err(format!("{} is still there", home.display())),
    }
}

/// Absolute, without `..`, and not a directory of directories.
fn is_deep(path: &Path) -> bool {
    let names = path.components().filter(|it| matches!(it, Component::Normal(_))).count();
    let plain = |it: Component<'_>| matches!(it, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().all(plain) && names >= MIN_DEPTH
}

/// Another user whose home this is, or lies in this.
fn shared_with(home: &Path, name: &str, passwd: &[u8]) -> Option<String> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
        let (other, path) = (fields.first()?, fields.get(5)?);
        if *other == name.as_bytes() || path.is_empty() {
            return None;
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        real.starts_with(home).then(|| String::from_utf8_lossy(other).into_owned())
    })
}

/// A file system below a directory: its files are not the user's to lose.
fn mounted_in(home: &Path) -> Result<Option<PathBuf>, Reason> {
    let mounts = mounts::all().map_err(|error| format!("{error:#}"))?;
    Ok(mounts.into_iter().map(|mount| mount.at).find(|place| place.starts_with(home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deep_paths_can_be_homes() {
        for path in ["/", "/home", "/root", "home/bob", "/home/../etc/x", "", "/home/..", "/home/."]
        {
            assert!(!is_deep(Path::new(path)), "{path}");
        }
        assert!(is_deep(Path::new("/home/bob")) && is_deep(Path::new("/srv/vpn/bob/")));
    }

    #[test]
    fn a_home_of_several_is_nobodys() {
        let passwd = b"bob:x:1:1::/v/h/bob:/\nal:x:2:2::/v/h/bob/al:/\nno:x:3:3:::\nodd\n";
        assert_eq!(shared_with(Path::new("/v/h/bob"), "bob", passwd).as_deref(), Some("al"));
        assert_eq!(shared_with(Path::new("/v/h/bob/al"), "al", passwd), None);
        assert_eq!(shared_with(Path::new("/v/h"), "no", passwd).as_deref(), Some("bob"));
    }
}
