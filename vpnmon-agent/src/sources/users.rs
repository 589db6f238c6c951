//! Who has which uid: `/etc/passwd`, read again when it changes.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::model::{AccountKey, Service};

/// The account database of the machine.
pub const PASSWD: &str = "/etc/passwd";
/// Some hundred bytes a line.
const MAX_BYTES: u64 = 256 << 20;
/// useradd allows 32; a longer one would make a file name the disk refuses.
const MAX_NAME_BYTES: usize = 64;

/// Rows of packets that belong to nobody, whose names no user may share.
pub const UNATTRIBUTED: &str = "unattributed";
pub const OVERFLOW: &str = "overflow";
pub const LOOPBACK: &str = "loopback";
const RESERVED: [&str; 3] = [UNATTRIBUTED, OVERFLOW, LOOPBACK];

/// Names by uid, and which of them are people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    names: HashMap<u32, String>,
    /// Inclusive range of the uids of `ssh` accounts.
    range: (u32, u32),
}

impl Users {
    /// Reads the text of a passwd file; lines that are none are passed over.
    ///
    /// The first line wins, as `getpwuid(3)` has it: of two names for one uid, and of two uids for
    /// one name.
    #[must_use]
    pub fn parse(text: &[u8], range: (u32, u32)) -> Self {
        let mut names = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for line in text.split(|byte| *byte == b'\n') {
            if let Some((name, uid)) = user(line)
                && !names.contains_key(&uid)
                && seen.insert(name.to_owned())
            {
                names.insert(uid, name.to_owned());
            }
        }
        Self { names, range }
    }

    /// The account that the bytes of `uid` belong to.
    #[must_use]
    pub fn key(&self, uid: u32) -> AccountKey {
        match self.names.get(&uid) {
            Some(name) => AccountKey::new(self.service(uid), name.clone()),
            None => AccountKey::new(Service::System, format!("uid:{uid}")),
        }
    }

    /// Every `ssh` account there is.
    pub fn people(&self) -> impl Iterator<Item = (u32, AccountKey)> {
        let people = self.names.keys().filter(|uid| self.service(**uid) == Service::Ssh);
        people.map(|uid| (*uid, self.key(*uid)))
    }

    fn service(&self, uid: u32) -> Service {
        let (min, max) = self.range;
        if (min..=max).contains(&uid) { Service::Ssh } else { Service::System }
    }
}

/// Name and uid of a passwd line (passwd(5)).
fn user(line: &[u8]) -> Option<(&str, u32)> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = std::str::from_utf8(fields.next()?).ok()?;
    let uid = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    let usable = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !RESERVED.contains(&name);
    usable.then_some((name, uid))
}

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
        self.last = Some(stamp);
        Ok(Some(users))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, uid: u32, expected: &str) {
        let users = Users::parse(text.as_bytes(), (1000, 60000));
        assert_eq!(users.key(uid).to_string(), expected, "{text}");
    }

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65534::/:/bin/false\njohn:x:1001:1001::/home/john:/bin/false\n";

    #[test]
    fn names_come_from_passwd() {
        check(PASSWD, 0, "system:root");
        check(PASSWD, 65534, "system:nobody");
        check(PASSWD, 1001, "ssh:john");
        check(PASSWD, 1002, "system:uid:1002");
        check("", 0, "system:uid:0");
    }

    #[test]
    fn the_first_line_wins() {
        check("a:x:1000:\nb:x:1000:\n", 1000, "ssh:a");
        check("a:x:1000:\na:x:1001:\n", 1001, "system:uid:1001");
    }

    #[test]
    fn what_is_no_user_is_passed_over() {
        for line in ["", "a", "a:x", "a:x:", "a:x:-1:", "a:x:1000000000000:", ":x:1000:", "#a:b:c"]
        {
            check(&format!("{line}\n{PASSWD}"), 1000, "system:uid:1000");
        }
        check("overflow:x:1000:\n", 1000, "system:uid:1000");
        check(&format!("{}:x:1000:\n", "a".repeat(65)), 1000, "system:uid:1000");
    }

    #[test]
    fn people_are_those_in_the_range() {
        let users = Users::parse(PASSWD.as_bytes(), (1000, 60000));
        let people: Vec<_> = users.people().collect();
        assert_eq!(people, [(1001, AccountKey::new(Service::Ssh, "john"))]);
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        let mut watch = UserWatch::new(&path, (1000, 60000));
        assert!(watch.changed().is_err());
        fs::write(&path, PASSWD).unwrap();
        assert!(watch.changed().unwrap().is_some());
        assert!(watch.changed().unwrap().is_none());
        fs::write(&path, format!("{PASSWD}eve:x:1002:\n")).unwrap();
        assert_eq!(watch.changed().unwrap().unwrap().key(1002).to_string(), "ssh:eve");
    }
}
