//! Real servers, each in a network of the test's own.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Keys, Kind, Login, Proof, write};
use crate::{
    auth_log::AuthLog,
    journal::Journal,
    machine::find,
    namespace::Namespace,
    order::{Order, Place, Role},
    process::Process,
    wait::{SOON, wait_for},
};

/// Where a server's words go.
#[derive(Clone, Copy, Debug)]
pub enum LogTo<'a> {
    /// Into a file.
    File(&'a AuthLog),
    /// To a journald.
    Journal(&'a Journal),
}

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// Its network.
    pub netns: &'a Namespace,
    /// Its log.
    pub log: LogTo<'a>,
    /// Its cgroup, unless the test's; not with a journal.
    pub cgroup: Option<&'a Path>,
}

/// A running server.
#[derive(Debug)]
pub struct SshServer<'a> {
    pub(super) keys: &'a Keys,
    pub(super) netns: &'a Namespace,
    /// Which one.
    pub kind: Kind,
    port: u16,
    process: Process,
}

impl<'a> SshServer<'a> {
    /// Starts it on `port` of the loopback.
    #[must_use]
    pub fn start(kind: Kind, keys: &'a Keys, stand: Stand<'a>, port: u16) -> Self {
        Self::on_ports(kind, keys, stand, &[port])
    }

    /// Starts it on several ports; its clients use the first.
    #[must_use]
    pub fn on_ports(kind: Kind, keys: &'a Keys, stand: Stand<'a>, ports: &[u16]) -> Self {
        let (command, libraries) = match kind {
            Kind::OpenSsh => (sshd(keys, ports), None),
            Kind::Dropbear => (dropbear("dropbear", keys, ports), None),
            Kind::NewDropbear => {
                let (program, libraries) = new_dropbear(keys);
                (dropbear(&program, keys, ports), Some(libraries))
            }
        };
        let Stand { netns, log, cgroup } = stand;
        let process = match log {
            LogTo::File(log) => {
                let role = Role::Logged { log: log.socket(), libraries, command };
                let place = Place { cgroup: cgroup.map(Into::into), ..Place::default() };
                Order::new(place.netns(&netns.name), role).start()
            }
            LogTo::Journal(journal) => {
                Process::start("server", &mut journal.command(netns, &command))
            }
        };
        let server = Self { keys, netns, kind, port: ports[0], process };
        for port in ports {
            wait_for("the server's port", SOON, || {
                let listening = netns.exec(&["ss", "-Htln", &format!("sport = :{port}")]);
                if listening.is_empty() { Err(server.process.stderr()) } else { Ok(()) }
            });
        }
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
        Login::new(self, user, proof).local(forward, target).start()
    }
}

fn sshd(keys: &Keys, ports: &[u16]) -> Vec<String> {
    // Where Debian's sshd separates privileges; systemd would have made it.
    fs::create_dir_all("/run/sshd").unwrap_or_else(|e| panic!("/run/sshd: {e}"));
    let listen = ports.iter().map(|port| format!("ListenAddress 127.0.0.1:{port}"));
    let listen = listen.collect::<Vec<_>>().join("\n");
    let config = format!(
        "{listen}\nHostKey {}\nPidFile none\nUsePAM no\nPasswordAuthentication yes\n\
         KbdInteractiveAuthentication no\nMaxStartups 100\n",
        keys.file("sshd_key"),
    );
    let file = keys.path(&format!("sshd_config_{}", ports[0]));
    write(&file, &config, 0o600);
    // sshd starts itself anew for each connection, so it wants its full path.
    let sshd = find("sshd").unwrap_or_default().display().to_string();
    [&sshd, "-D", "-f", &file.display().to_string()].map(str::to_owned).to_vec()
}

fn dropbear(program: &str, keys: &Keys, ports: &[u16]) -> Vec<String> {
    let pid_file = keys.file(&format!("dropbear_{}.pid", ports[0]));
    let key = keys.file("dropbear_key");
    let mut command = [program, "-F", "-r", &key, "-P", &pid_file].map(str::to_owned).to_vec();
    command.extend(ports.iter().flat_map(|port| ["-p".to_owned(), format!("127.0.0.1:{port}")]));
    command
}

/// The unpacked one, and the directory of its libraries. The agent believes only programs of root's,
/// and whoever ran the set-up may have been somebody else.
fn new_dropbear(keys: &Keys) -> (String, PathBuf) {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/dropbear");
    let tree = env::var_os("VPNMON_DROPBEAR").map_or(built, PathBuf::from);
    let (from, to) = (tree.join("usr/sbin/dropbear"), keys.path("dropbear"));
    if !to.exists() {
        let copied = fs::copy(&from, &to);
        copied.unwrap_or_else(|e| {
            panic!("NOT RUN: {}: {e}; `cargo xtask setup` fetches dropbear 2025.89", from.display())
        });
        let open = fs::set_permissions(&to, fs::Permissions::from_mode(0o755));
        open.unwrap_or_else(|e| panic!("{}: {e}", to.display()));
    }
    let libraries = tree.join("usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH));
    let libraries = libraries.canonicalize();
    (to.display().to_string(), libraries.unwrap_or_else(|e| panic!("NOT RUN: no libraries: {e}")))
}
