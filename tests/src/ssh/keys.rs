//! Who may log in, and with what.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::write;
use crate::{process::run, user::TestUser};

/// The password of every [`SshUser`], and what crypt(3) makes of it.
const PASSWORD: &str = "vpnmon-test-password";
const HASH: &str = "$6$vpnmontests$4YY0hl3Le3GAx4boZD5ZBBOyzesvCBocqwo67jjALX/O/\
                    ug5C7mY5qpvDC7AZXaMMM.Xt3NxCbwfzekJVmHUY0";

/// A key pair for all users, a host key for each server, and the client's way to say the password.
#[derive(Debug)]
pub struct Keys {
    dir: TempDir,
}

impl Keys {
    /// Makes them.
    #[must_use]
    pub fn new() -> Self {
        let dir =
            TempDir::with_prefix("vpnmon-ssh-").unwrap_or_else(|e| panic!("no directory: {e}"));
        let keys = Self { dir };
        for name in ["user_key", "sshd_key"] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &keys.file(name)]);
        }
        run("dropbearkey", &["-t", "ed25519", "-f", &keys.file("dropbear_key")]);
        write(&keys.path("askpass"), &format!("#!/bin/sh\necho {PASSWORD}\n"), 0o755);
        keys
    }

    /// A file beside the keys.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same, in words.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

/// A user with a home, a shell, a password and a key.
#[derive(Debug)]
pub struct SshUser {
    /// The account.
    pub user: TestUser,
    home: TempDir,
}

impl SshUser {
    /// The home directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Makes one.
    #[must_use]
    pub fn new(name: &str, keys: &Keys) -> Self {
        let user = TestUser::new(name);
        let home =
            TempDir::with_prefix("vpnmon-home-").unwrap_or_else(|e| panic!("no directory: {e}"));
        let (dot_ssh, uid) = (home.path().join(".ssh"), Some(user.uid));
        fs::create_dir(&dot_ssh).unwrap_or_else(|e| panic!("{}: {e}", dot_ssh.display()));
        let list = dot_ssh.join("authorized_keys");
        let key = fs::read_to_string(keys.path("user_key.pub"));
        write(&list, &key.unwrap_or_else(|e| panic!("no key: {e}")), 0o600);
        for path in [home.path(), &dot_ssh, &list] {
            chown(path, uid, uid).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        let place = home.path().display().to_string();
        // dropbear lets in only who has a shell of /etc/shells.
        run("usermod", &["-d", &place, "-s", "/bin/sh", "-p", HASH, &user.name]);
        Self { user, home }
    }
}
