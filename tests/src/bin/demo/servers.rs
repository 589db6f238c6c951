//! The servers: OpenSSH, dropbear, v2ray, and the agent that meters them.

use std::{fs, os::unix::fs::chown, path::Path};

use nix::unistd::User;
use vpnmon_tests::{
    auth_log::AuthLog,
    cgroup::Cgroup,
    home::Home,
    machine::{cgroup2, find},
    namespace::Namespace,
    order::{Order, Place, Role},
    process::Process,
    ssh::Keys,
    wait::{SOON, wait_for},
};

use crate::{cast::CAST, internet::SERVER, place, v2ray::V2ray};

pub const SSH_PORT: u16 = 22;
pub const DROPBEAR_PORT: u16 = 109;
const DEMO: &str = "demo";

/// Where they are, and what they share.
pub struct Servers {
    pub netns: Namespace,
    pub cgroup: Cgroup,
    pub keys: Keys,
    log: AuthLog,
}

impl Servers {
    /// Nothing runs there yet.
    pub fn new(netns: Namespace) -> Self {
        remove_stale_cgroups();
        Self { netns, cgroup: Cgroup::new(DEMO), keys: Keys::new(), log: AuthLog::new() }
    }

    /// What the agent is told of them.
    pub fn home(&self, v2ray: &V2ray) -> Home {
        let (cgroup, log) = (self.cgroup.path().display(), self.log.file());
        Home::new(&format!(
            "[meter]\ncgroup = '{cgroup}'\nusage = 'both'\n[ssh]\nauth_log = '{}'\n\
             [enforce]\nssh = 'block'\n{}",
            log.display(),
            v2ray.section()
        ))
    }

    /// Starts a program among them.
    pub fn start(&self, command: Vec<String>) -> Process {
        isolated(self.place(), command)
    }

    fn place(&self) -> Place {
        Place::default().netns(&self.netns.name).cgroup(self.cgroup.path())
    }

    /// OpenSSH's and dropbear.
    pub fn start_ssh(&self) -> [Process; 2] {
        for person in CAST.iter().filter(|person| person.via.is_ssh()) {
            self.open_account(person.name);
        }
        let servers = [self.sshd(), self.dropbear()].map(|command| {
            let role = Role::Logged { log: self.log.socket(), libraries: None, command };
            Order::new(self.place(), role).start()
        });
        for (server, port) in servers.iter().zip([SSH_PORT, DROPBEAR_PORT]) {
            self.wait_port(port, server);
        }
        servers
    }

    /// Waits until `server` listens.
    pub fn wait_port(&self, port: u16, server: &Process) {
        wait_for("a server's port", SOON, || {
            let listening = self.netns.exec(&["ss", "-Htln", &format!("sport = :{port}")]);
            if listening.is_empty() { Err(server.stderr()) } else { Ok(()) }
        });
    }

    fn open_account(&self, name: &str) {
        let user = User::from_name(name).ok().flatten().unwrap_or_else(|| panic!("no {name}"));
        let (home, dot_ssh) = (place::home(name), place::home(name).join(".ssh"));
        let list = dot_ssh.join("authorized_keys");
        let made = fs::create_dir_all(&dot_ssh)
            .and_then(|()| fs::copy(self.keys.path("user_key.pub"), &list));
        made.unwrap_or_else(|e| panic!("the home of {name}: {e}"));
        for path in [&home, &dot_ssh, &list] {
            let owned = chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()));
            owned.unwrap_or_else(|e| panic!("the home of {name}: {e}"));
        }
    }

    fn sshd(&self) -> Vec<String> {
        let config = format!(
            "ListenAddress {SERVER}:{SSH_PORT}\nHostKey {}\nPidFile none\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            self.keys.file("sshd_key")
        );
        let file = self.keys.path("sshd_config");
        fs::write(&file, config).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        // It starts itself anew for each connection, so it wants its full path.
        words(&[&program("sshd"), "-D", "-f", &file.display().to_string()])
    }

    fn dropbear(&self) -> Vec<String> {
        let (key, pid_file) = (self.keys.file("dropbear_key"), self.keys.file("dropbear.pid"));
        let at = format!("{SERVER}:{DROPBEAR_PORT}");
        words(&[&program("dropbear"), "-F", "-r", &key, "-P", &pid_file, "-p", &at])
    }
}

/// Those of demos that were killed.
fn remove_stale_cgroups() {
    let cgroups = fs::read_dir(cgroup2()).into_iter().flatten().flatten().map(|entry| entry.path());
    for cgroup in cgroups {
        let name = cgroup.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("vpnmon-test-") && name.ends_with(DEMO) {
            let _in_use = fs::remove_dir(&cgroup);
        }
    }
}

/// Starts a program that dies with the demo, whatever ends that.
pub fn isolated(place: Place, command: Vec<String>) -> Process {
    Order::new(place, Role::Isolated { unmount: Vec::new(), read_only: Vec::new(), command })
        .start()
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn program(name: &str) -> String {
    let found = find(name).or_else(|| Some(Path::new("/usr/sbin").join(name)));
    found.filter(|file| file.is_file()).unwrap_or_else(|| panic!("no {name}")).display().to_string()
}
