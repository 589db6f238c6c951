//! Who must never be cut off, locked out or deleted, as files of the machine tell it; without I/O.

pub mod group;
pub mod sudoers;

use std::collections::{HashMap, HashSet};

use self::{group::Group, sudoers::Sudoers};

/// Groups whose members look after the machine, on one distribution or another.
const GROUPS: [&str; 6] = ["root", "sudo", "wheel", "admin", "adm", "staff"];
/// useradd(8) makes no longer ones.
const MAX_NAME_BYTES: usize = 32;

/// Reasons by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admins {
    by_name: HashMap<String, String>,
    /// Why it is everybody, if so.
    all: Option<String>,
}

impl Admins {
    /// Reads passwd(5), group(5) and what sudoers(5) and the files it includes say together.
    pub fn read(passwd: &[u8], group: &[u8], sudoers: &Sudoers) -> Self {
        let groups = group::groups(group);
        let mut admins = Self { by_name: HashMap::new(), all: None };
        if sudoers.all {
            admins.all = Some("sudoers names ALL users; name a group there instead".to_owned());
        }
        admins.add_groups(&groups, sudoers);
        for name in &sudoers.users {
            admins.add(name, || "sudoers names it".to_owned());
        }
        admins.add_users(passwd, &groups, sudoers);
        admins
    }

    /// Nobody can tell who they are: everybody may be one.
    pub fn unknown(why: &str) -> Self {
        Self {
            by_name: HashMap::new(),
            all: Some(format!("nobody can tell who is a sudoer: {why}")),
        }
    }

    /// Why this user must be left alone, if so.
    pub fn why(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).or(self.all.as_ref()).map(String::as_str)
    }

    fn add(&mut self, name: &str, why: impl FnOnce() -> String) {
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.to_owned(), why());
        }
    }

    fn add_groups(&mut self, groups: &[Group<'_>], sudoers: &Sudoers) {
        for group in groups.iter().filter(|group| is_admins(group, sudoers)) {
            for member in &group.members {
                self.add(member, || format!("it is in group {}", group.name));
            }
        }
    }

    /// What the account's own line tells: primary group, uid, a name that no program can be given.
    fn add_users(&mut self, passwd: &[u8], groups: &[Group<'_>], sudoers: &Sudoers) {
        let mut names_of: HashMap<u32, HashSet<&str>> = HashMap::new();
        let lines: Vec<_> = passwd.split(|byte| *byte == b'\n').filter_map(user).collect();
        for (name, uid, gid) in &lines {
            names_of.entry(*uid).or_default().insert(name);
            if let Some(group) =
                groups.iter().find(|group| group.gid == *gid && is_admins(group, sudoers))
            {
                self.add(name, || format!("its group is {}", group.name));
            }
            if sudoers.uids.contains(uid) {
                self.add(name, || format!("sudoers names its uid {uid}"));
            }
            if !is_plain(name) {
                self.add(name, || "its name is not one that useradd makes".to_owned());
            }
        }
        for (name, uid, _) in &lines {
            if names_of.get(uid).is_some_and(|names| names.len() > 1) {
                self.add(name, || format!("another name has its uid {uid} too"));
            }
        }
    }
}

fn is_admins(group: &Group<'_>, sudoers: &Sudoers) -> bool {
    group.gid == 0
        || GROUPS.contains(&group.name)
        || sudoers.groups.contains(group.name)
        || sudoers.gids.contains(&group.gid)
}

/// Name, uid and gid of a line of passwd.
fn user(line: &[u8]) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = std::str::from_utf8(fields.next()?).ok()?;
    let mut number = |skip: usize| std::str::from_utf8(fields.nth(skip)?).ok()?.parse().ok();
    Some((name, number(1)?, number(0)?))
}

/// A name that is no option, no path, and nothing else to any program.
pub fn is_plain(name: &str) -> bool {
    let first =
        name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    first && name.len() <= MAX_NAME_BYTES && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\njohn:x:1001:1001::/home/john:/bin/false\n\
        boss:x:1002:27::/home/boss:/bin/sh\nmate:x:1003:1003::/:/bin/sh\ntwin:x:1004:1004::/:\n\
        twin2:x:1004:1004::/:\n-rf:x:1005:1005::/:\n";
    const GROUP: &str =
        "root:x:0:\nsudo:x:27:\nadm:x:4:syslog,mate\nusers:x:100:john\nops:x:300:john\n";

    fn check(sudoers: &str, name: &str, expected: Option<&str>) {
        let mut read = Sudoers::default();
        read.add(sudoers.as_bytes());
        let admins = Admins::read(PASSWD.as_bytes(), GROUP.as_bytes(), &read);
        assert_eq!(admins.why(name), expected, "{name} with {sudoers:?}");
    }

    #[test]
    fn admins_are_known_by_group_uid_and_name() {
        check("", "john", None);
        check("", "boss", Some("its group is sudo"));
        check("", "mate", Some("it is in group adm"));
        check("", "root", Some("its group is root"));
        check("", "twin", Some("another name has its uid 1004 too"));
        check("", "-rf", Some("its name is not one that useradd makes"));
        check("john ALL=(ALL) ALL\n", "john", Some("sudoers names it"));
        check("#1001 ALL=(ALL) ALL\n", "john", Some("sudoers names its uid 1001"));
        check("%ops ALL=(ALL) ALL\n", "john", Some("it is in group ops"));
        check("%#300 ALL=(ALL) ALL\n", "john", Some("it is in group ops"));
        check(
            "ALL ALL=(ALL) ALL\n",
            "john",
            Some("sudoers names ALL users; name a group there instead"),
        );
    }

    #[test]
    fn nobody_is_sure_when_nobody_can_tell() {
        assert!(Admins::unknown("no /etc/group").why("john").is_some());
    }
}
