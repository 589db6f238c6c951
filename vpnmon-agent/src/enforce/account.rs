//! One user, as passwd(5) and shadow(5) have it, and what locking it out changes there.
//!
//! Three things are changed, for each stops what another lets through:
//! - the password gets a `!` in front, which no password matches; sshd without PAM refuses keys
//!   then too, but sshd with PAM and dropbear do not ask;
//! - the account has expired, which sshd refuses with and without PAM, cron with PAM too; dropbear
//!   does not ask;
//! - the shell is one that is not there, which sshd refuses, and dropbear too, for it is not in
//!   `/etc/shells`.
//!
//! Keys stay where they are: who has written to a home directory knows no way past these three. The
//! shell is also the mark by which a user whom we have locked out is told from a new one of the
//! same name.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

/// The shell of those who are locked out; nothing is there.
pub const LOCKED_SHELL: &str = "/nonexistent/vpnmon-locked-out";
/// The day after 1970-01-01; 0 and an empty field mean "never" to some programs.
pub const EXPIRED: &str = "1";
/// A shorter password field is no hash, and tells nothing of whose it is.
const MIN_HASH_BYTES: usize = 8;

/// A user of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
    /// The password field of shadow.
    pub password: String,
    /// Day of the last change of the password, as it stands there.
    pub changed: String,
    /// Day the account expires on, as it stands there; empty is never.
    pub expires: String,
}

/// What an account was before it was locked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Whether its password was locked already.
    was_locked: bool,
    /// Whether it needed none.
    was_empty: bool,
    shell: String,
    expires: String,
    changed: String,
    /// Of the password's hash, where there is one: the hash itself is nobody's business.
    digest: Option<u64>,
}

/// A change of an account's lines; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Put the `!` in front of the password, or take it away.
    pub lock: Option<bool>,
    /// No password at all.
    pub empty_password: bool,
    /// The expiry date, as days since 1970; empty is never.
    pub expires: Option<String>,
    /// The shell.
    pub shell: Option<String>,
}

impl Account {
    /// Finds a user in the texts of both files.
    pub fn find(name: &str, passwd: &[u8], shadow: &[u8]) -> Option<Self> {
        let [_, uid, _, _, home, shell] = fields(passwd, name)?;
        let shadow: [String; 8] = fields(shadow, name).unwrap_or_default();
        let [password, changed, _, _, _, _, expires, _] = shadow;
        Some(Self { uid: uid.parse().ok()?, home, shell, password, changed, expires })
    }

    /// Whether nobody can log in, because of us.
    pub fn is_locked_out(&self) -> bool {
        self.shell == LOCKED_SHELL && self.password.starts_with('!') && self.expires == EXPIRED
    }

    /// What brings it there.
    pub fn lock_out(&self) -> Change {
        Change {
            lock: (!self.password.starts_with('!')).then_some(true),
            empty_password: false,
            expires: (self.expires != EXPIRED).then(|| EXPIRED.to_owned()),
            shell: (self.shell != LOCKED_SHELL).then(|| LOCKED_SHELL.to_owned()),
        }
    }

    /// What it is to be again.
    pub fn before(&self) -> Before {
        Before {
            was_locked: self.password.starts_with('!'),
            was_empty: self.password.is_empty(),
            shell: self.shell.clone(),
            expires: self.expires.clone(),
            changed: self.changed.clone(),
            digest: digest(&self.password),
        }
    }
}

impl Before {
    /// Whether `now` is the account that this was, and not one made in its place: it bears our mark,
    /// or the same password, or nothing has changed at all.
    pub fn is_of(&self, now: &Account) -> bool {
        let same_password = self.digest.is_some() && self.digest == digest(&now.password);
        now.shell == LOCKED_SHELL || same_password || *self == now.before()
    }

    /// Whether it was locked out by us already: what it was before that, nobody knows any more.
    pub fn is_lost(&self) -> bool {
        self.shell == LOCKED_SHELL
    }

    /// What undoes [`Account::lock_out`] and leaves alone what somebody has changed since.
    pub fn restore(&self, now: &Account) -> Change {
        let is_ours = now.password.starts_with('!');
        let unlocks = is_ours && !self.was_locked;
        Change {
            lock: (unlocks && !self.was_empty).then_some(false),
            empty_password: unlocks && self.was_empty && now.password == "!",
            expires: (now.expires == EXPIRED && self.expires != EXPIRED)
                .then(|| self.expires.clone()),
            shell: (now.shell == LOCKED_SHELL).then(|| self.shell.clone()),
        }
    }
}

impl Change {
    /// Whether it changes anything.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The arguments of usermod(8), the name not among them.
    pub fn arguments(&self) -> Vec<&str> {
        let mut arguments = match self.lock {
            Some(true) => vec!["-L"],
            Some(false) => vec!["-U"],
            None if self.empty_password => vec!["-p", ""],
            None => Vec::new(),
        };
        if let Some(day) = &self.expires {
            arguments.extend(["-e", day]);
        }
        if let Some(shell) = &self.shell {
            arguments.extend(["-s", shell]);
        }
        arguments
    }
}

/// The fields after the name, of the first line that has it; missing ones are empty.
fn fields<const N: usize>(text: &[u8], name: &str) -> Option<[String; N]> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| {
        let rest = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        std::str::from_utf8(rest).ok()
    })?;
    let mut fields = line.split(':');
    Some(std::array::from_fn(|_| fields.next().unwrap_or_default().to_owned()))
}

/// The same in every run of one build.
fn digest(password: &str) -> Option<u64> {
    let hash = password.trim_start_matches('!');
    (hash.len() >= MIN_HASH_BYTES).then(|| {
        let mut hasher = DefaultHasher::new();
        hash.hash(&mut hasher);
        hasher.finish()
    })
}

/// Any texts in; a panic where locking out and letting in again do not undo each other.
pub fn fuzz(text: &[u8]) {
    let Some(account) = Account::find("bob", text, text) else { return };
    let before = account.before();
    assert!(before.is_of(&account));
    let locked = changed(&account, &account.lock_out());
    assert!(locked.is_locked_out() && locked.lock_out().is_none());
    assert!(before.is_of(&locked));
    let change = before.restore(&locked);
    let again = changed(&locked, &change);
    // One that looked locked out before is left as it was; else all is as before.
    assert_eq!(again, account, "{change:?}");
}

/// What usermod makes of an account.
pub fn changed(account: &Account, change: &Change) -> Account {
    let mut account = account.clone();
    match change.lock {
        Some(true) => account.password.insert(0, '!'),
        Some(false) => account.password = account.password.replacen('!', "", 1),
        None if change.empty_password => account.password.clear(),
        None => {}
    }
    account.expires = change.expires.clone().unwrap_or(account.expires);
    account.shell = change.shell.clone().unwrap_or(account.shell);
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(password: &str, expires: &str) -> Account {
        let passwd = "bob:x:1001:1001:,,,:/home/bob:/bin/false\nbobby:x:1:1::/:/bin/sh\n";
        let shadow = format!("bobby:*:1::::::\nbob:{password}:20000:0:99999:7::{expires}:\n");
        Account::find("bob", passwd.as_bytes(), shadow.as_bytes()).unwrap()
    }

    #[test]
    fn both_files_are_read() {
        let bob = account("$6$salt$hash", "20500");
        assert_eq!(
            (bob.uid, bob.home.as_str(), bob.shell.as_str()),
            (1001, "/home/bob", "/bin/false")
        );
        assert_eq!((bob.changed.as_str(), bob.expires.as_str()), ("20000", "20500"));
        assert_eq!(Account::find("bo", b"bob:x:1:1::/:/\n", b""), None);
        assert_eq!(Account::find("bob", b"bob:x:y:1::/:/\n", b""), None);
    }

    fn check(password: &str, expires: &str, locking: &[&str], restoring: &[&str]) {
        let bob = account(password, expires);
        let (before, locking_out) = (bob.before(), bob.lock_out());
        assert_eq!(locking_out.arguments(), locking);
        let locked = changed(&bob, &locking_out);
        assert!(locked.is_locked_out());
        let restore = before.restore(&locked);
        assert_eq!(restore.arguments(), restoring);
        assert_eq!(changed(&locked, &restore), bob);
        assert!(before.restore(&bob).is_none(), "twice does nothing");
    }

    #[test]
    fn what_was_locked_before_stays_locked() {
        let locks = ["-L", "-e", "1", "-s", LOCKED_SHELL];
        check("$6$salt$hash", "20500", &locks, &["-U", "-e", "20500", "-s", "/bin/false"]);
        check("*", "", &locks, &["-U", "-e", "", "-s", "/bin/false"]);
        check("!$6$salt$hash", "", &locks[1..], &["-e", "", "-s", "/bin/false"]);
        check("", "", &locks, &["-p", "", "-e", "", "-s", "/bin/false"]);
        check("$6$salt$hash", "1", &["-L", "-s", LOCKED_SHELL], &["-U", "-s", "/bin/false"]);
    }

    #[test]
    fn what_somebody_has_changed_since_stays() {
        let (bob, mut now) = (account("$6$salt$hash", "20500"), account("$6$new$hash", "21000"));
        now.shell = "/bin/bash".to_owned();
        assert!(bob.before().restore(&now).is_none());
    }

    #[test]
    fn a_new_user_of_the_name_is_not_the_old_one() {
        let bob = account("$6$salt$hash", "20500");
        let before = bob.before();
        assert!(before.is_of(&changed(&bob, &bob.lock_out())));
        assert!(before.is_of(&account("$6$salt$hash", "")), "somebody let it in by hand");
        assert!(!before.is_of(&account("$6$new$hash", "20500")));
        assert!(!account("*", "").before().is_of(&account("*", "20500")), "no hash proves nothing");
    }
}
