//! Who has which uid: the account database as text, without the file it comes from.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::model::{AccountKey, Service};

/// useradd allows 32; a longer one would make a file name the disk refuses.
const MAX_NAME_BYTES: usize = 64;

/// Rows of packets that belong to nobody, whose names no user may share.
pub const UNATTRIBUTED: &str = "unattributed";
/// Accounts beyond the last slot.
pub const OVERFLOW: &str = "overflow";
/// Packets over loopback that do not count.
pub const LOOPBACK: &str = "loopback";
/// What carries sessions, and is no user's.
pub const TRANSPORT: &str = "transport";
const RESERVED: [&str; 4] = [UNATTRIBUTED, OVERFLOW, LOOPBACK, TRANSPORT];

/// Names by uid, and which of them are people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    by_uid: HashMap<u32, User>,
    by_name: HashMap<String, u32>,
    /// Inclusive range of the uids of `ssh` accounts.
    range: (u32, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    name: String,
    digest: u64,
}

impl Users {
    /// Reads the text of a passwd file (passwd(5)); lines that are none are passed over.
    ///
    /// The first line wins, as `getpwuid(3)` has it: of two names for one uid, and of two uids for
    /// one name.
    pub fn parse(text: &[u8], range: (u32, u32)) -> Self {
        let mut users = Self { range, ..Self::default() };
        let mut seen = HashSet::new();
        for line in text.split(|byte| *byte == b'\n') {
            if let Some((uid, user)) = user(line)
                && !users.by_uid.contains_key(&uid)
                && seen.insert(user.name.clone())
            {
                users.by_name.insert(user.name.clone(), uid);
                users.by_uid.insert(uid, user);
            }
        }
        users
    }

    /// Whether this can be a whole account database: one without root was cut short.
    pub fn is_whole(&self) -> bool {
        self.by_uid.contains_key(&0)
    }

    /// The account that the bytes of `uid` belong to.
    pub fn key(&self, uid: u32) -> AccountKey {
        match self.by_uid.get(&uid) {
            Some(user) => AccountKey::new(self.service(uid), user.name.clone()),
            None => AccountKey::new(Service::System, format!("uid:{uid}")),
        }
    }

    /// The uid of a name.
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Digest of all of the user's line but the name: `usermod -l` leaves it as it is, while a new
    /// user with the uid has another home directory.
    pub fn digest(&self, uid: u32) -> Option<u64> {
        self.by_uid.get(&uid).map(|user| user.digest)
    }

    /// Every `ssh` account there is.
    pub fn people(&self) -> impl Iterator<Item = (u32, AccountKey)> {
        let people = self.by_uid.keys().filter(|uid| self.service(**uid) == Service::Ssh);
        people.map(|uid| (*uid, self.key(*uid)))
    }

    fn service(&self, uid: u32) -> Service {
        let (min, max) = self.range;
        if (min..=max).contains(&uid) { Service::Ssh } else { Service::System }
    }
}

fn user(line: &[u8]) -> Option<(u32, User)> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = std::str::from_utf8(fields.next()?).ok()?;
    let uid = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    let usable = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !RESERVED.contains(&name);
    let digest = digest(uid, &line[name.len()..]);
    usable.then(|| (uid, User { name: name.to_owned(), digest }))
}

/// The same in every run of one build; after another build a renamed user may count as a new one.
fn digest(uid: u32, rest: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (uid, rest).hash(&mut hasher);
    hasher.finish()
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
    fn a_renamed_user_keeps_the_rest_of_the_line() {
        let digest = |line: &str| Users::parse(line.as_bytes(), (1000, 60000)).digest(1001);
        let john = digest("john:x:1001:1001::/home/john:/bin/false");
        assert_eq!(digest("mary:x:1001:1001::/home/john:/bin/false"), john);
        assert_ne!(digest("mary:x:1001:1001::/home/mary:/bin/false"), john);
        assert_eq!(digest("john:x:1002::"), None);
    }
}
