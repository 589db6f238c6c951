//! What would start something for a user later: crontab, at jobs, lines of system crontabs, lingering.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::files::{is_nothing, remove_file, rewrite};
use crate::{
    enforce::{cron, system::Reason},
    order::Person,
};

/// Crontabs by user name: Debian's, Red Hat's, SUSE's.
const CRONTABS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"];
/// at jobs by owner: Debian's, Red Hat's.
const AT_JOBS: [&str; 2] = ["/var/spool/cron/atjobs", "/var/spool/at"];
const SYSTEM_CRONTABS: &str = "/etc/cron.d";
const SYSTEM_CRONTAB: &str = "/etc/crontab";
const LINGER: &str = "/var/lib/systemd/linger";
/// Files of one directory that are looked at.
const MAX_FILES: usize = 100_000;

/// Removes them all.
pub fn remove(person: &Person) -> Result<(), Reason> {
    for dir in CRONTABS {
        let path = Path::new(dir).join(&person.name);
        // `/var/spool/cron` holds the directories of other distributions.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_dir()) {
            remove_file(&path)?;
        }
    }
    for dir in AT_JOBS {
        for path in files(Path::new(dir))? {
            if fs::symlink_metadata(&path).is_ok_and(|it| it.is_file() && it.uid() == person.uid) {
                remove_file(&path)?;
            }
        }
    }
    let mut tables = files(Path::new(SYSTEM_CRONTABS))?;
    tables.push(PathBuf::from(SYSTEM_CRONTAB));
    for path in tables.iter().filter(|path| is_regular(path)) {
        rewrite(path, |text| cron::without(text, &person.name))?;
    }
    remove_file(&Path::new(LINGER).join(&person.name))
}

fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, Reason> {
    let cannot = |error: &io::Error| format!("cannot list {}: {error}", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_nothing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(cannot(&error)),
    };
    let mut found = Vec::new();
    for entry in entries.take(MAX_FILES) {
        found.push(entry.map_err(|error| cannot(&error))?.path());
    }
    Ok(found)
}
