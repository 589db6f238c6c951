//! Real SSH servers, users who may log in to them, and clients.

use std::{
    fs::{self, Permissions},
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::PermissionsExt, fs::chown},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    auth_log::AuthLog,
    journal::Journal,
    machine::find,
    namespace::Namespace,
    order::{Order, Place, Role},
    process::{Process, run},
    user::TestUser,
    wait::{SOON, wait_for},
};

/// The password of every [`SshUser`], and what crypt(3) makes of it.
const PASSWORD: &str = "vpnmon-test-password";
const HASH: &str = "$6$vpnmontests$4YY0hl3Le3GAx4boZD5ZBBOyzesvCBocqwo67jjALX/O/\
                    ug5C7mY5qpvDC7AZXaMMM.Xt3NxCbwfzekJVmHUY0";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// sshd.
    OpenSsh,
    /// dropbear.
    Dropbear,
}

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the key.
    Key,
    /// By the password.
    Password,
}

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

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str) -> String {
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
    _home: TempDir,
}

impl SshUser {
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
        Self { user, _home: home }
    }
}

/// Where a server's words go.
#[derive(Clone, Copy, Debug)]
pub enum LogTo<'a> {
    /// Into a file.
    File(&'a AuthLog),
    /// To a journald.
    Journal(&'a Journal),
}

/// A running server.
#[derive(Debug)]
pub struct SshServer<'a> {
    keys: &'a Keys,
    netns: &'a Namespace,
    /// Which one.
    pub kind: Kind,
    port: u16,
    process: Process,
}

impl<'a> SshServer<'a> {
    /// Starts it on `port` of the loopback, with its `/dev/log` at `log`.
    #[must_use]
    pub fn start(
        kind: Kind,
        keys: &'a Keys,
        netns: &'a Namespace,
        log: LogTo<'_>,
        port: u16,
    ) -> Self {
        let command = match kind {
            Kind::OpenSsh => sshd(keys, port),
            Kind::Dropbear => dropbear(keys, port),
        };
        let process = match log {
            LogTo::File(log) => {
                let role = Role::Logged { log: log.socket(), command };
                Order::new(Place::default().netns(&netns.name), role).start()
            }
            LogTo::Journal(journal) => {
                Process::start("server", &mut journal.command(netns, &command))
            }
        };
        let server = Self { keys, netns, kind, port, process };
        wait_for("the server's port", SOON, || {
            let listening = netns.exec(&["ss", "-Htln", &format!("sport = :{port}")]);
            if listening.is_empty() { Err(server.process.stderr()) } else { Ok(()) }
        });
        server
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Logs in as `user` and forwards port `forward` to `target`. Not waited for.
    #[must_use]
    pub fn client(&self, user: &str, proof: Proof, forward: u16, target: u16) -> Process {
        let forward = format!("127.0.0.1:{forward}:127.0.0.1:{target}");
        let port = self.port.to_string();
        let mut ssh = Command::new("ip");
        ssh.args(["netns", "exec", &self.netns.name, "ssh", "-F", "/dev/null", "-N"]);
        ssh.args(["-L", &forward, "-p", &port, "-l", user, "-o", "ExitOnForwardFailure=yes"]);
        ssh.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        match proof {
            Proof::Key => {
                ssh.args(["-i", &self.keys.file("user_key"), "-o", "BatchMode=yes"]);
            }
            Proof::Password => {
                ssh.args(["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]);
                ssh.env("SSH_ASKPASS", self.keys.file("askpass"));
                ssh.env("SSH_ASKPASS_REQUIRE", "force");
            }
        }
        Process::start("ssh", ssh.arg("127.0.0.1"))
    }
}

fn sshd(keys: &Keys, port: u16) -> Vec<String> {
    // Where Debian's sshd separates privileges; systemd would have made it.
    fs::create_dir_all("/run/sshd").unwrap_or_else(|e| panic!("/run/sshd: {e}"));
    let config = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM no\n\
         PasswordAuthentication yes\nKbdInteractiveAuthentication no\nMaxStartups 100\n",
        keys.file("sshd_key"),
    );
    let file = keys.path(&format!("sshd_config_{port}"));
    write(&file, &config, 0o600);
    // sshd starts itself anew for each connection, so it wants its full path.
    let sshd = find("sshd").unwrap_or_default().display().to_string();
    [&sshd, "-D", "-f", &file.display().to_string()].map(str::to_owned).to_vec()
}

fn dropbear(keys: &Keys, port: u16) -> Vec<String> {
    let at = format!("127.0.0.1:{port}");
    let pid_file = keys.file(&format!("dropbear_{port}.pid"));
    let key = keys.file("dropbear_key");
    ["dropbear", "-F", "-p", &at, "-r", &key, "-P", &pid_file].map(str::to_owned).to_vec()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
    let mode = Permissions::from_mode(mode);
    fs::set_permissions(path, mode).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}
