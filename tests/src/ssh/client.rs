//! Clients: OpenSSH's, with any server.

use std::process::Command;

use super::SshServer;
use crate::process::Process;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the key.
    Key,
    /// By the password.
    Password,
}

/// A login to be, and what it forwards. The client is not waited for.
#[derive(Clone, Debug)]
pub struct Login<'a> {
    server: &'a SshServer<'a>,
    user: &'a str,
    proof: Proof,
    options: Vec<String>,
}

impl<'a> Login<'a> {
    /// As `user`.
    #[must_use]
    pub fn new(server: &'a SshServer<'a>, user: &'a str, proof: Proof) -> Self {
        Self { server, user, proof, options: Vec::new() }
    }

    fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(ToString::to_string));
        self
    }

    /// `-L`: whoever connects to `port` here comes out at `target` there.
    #[must_use]
    pub fn local(self, port: u16, target: u16) -> Self {
        self.with(&["-L", &format!("127.0.0.1:{port}:127.0.0.1:{target}")])
    }

    /// `-D`: a SOCKS server at `port`.
    #[must_use]
    pub fn dynamic(self, port: u16) -> Self {
        self.with(&["-D", &format!("127.0.0.1:{port}")])
    }

    /// `-R`: whoever connects to `port` there comes out at `target` here.
    #[must_use]
    pub fn remote(self, port: u16, target: u16) -> Self {
        self.with(&["-R", &format!("127.0.0.1:{port}:127.0.0.1:{target}")])
    }

    /// Reaches the server by the stdin and stdout of `command`, for a shell.
    #[must_use]
    pub fn through(self, command: &str) -> Self {
        self.with(&["-o", &format!("ProxyCommand={command}")])
    }

    /// The client that forwards.
    #[must_use]
    pub fn start(&self) -> Process {
        let command = self.command(&["-N"]);
        Process::start("ssh", Command::new(&command[0]).args(&command[1..]))
    }

    /// The command line of a client whose stdin and stdout are a connection to `target` there.
    #[must_use]
    pub fn connection(&self, target: u16) -> Vec<String> {
        self.command(&["-W", &format!("127.0.0.1:{target}")])
    }

    fn command(&self, does: &[&str]) -> Vec<String> {
        let (keys, netns) = (self.server.keys, &self.server.netns.name);
        let (port, key) = (self.server.at().port().to_string(), keys.file("user_key"));
        let says = format!("SSH_ASKPASS={}", keys.file("askpass"));
        let mut words = vec!["ip", "netns", "exec", netns, "env"];
        words.extend([&says, "SSH_ASKPASS_REQUIRE=force", "ssh", "-F", "/dev/null"]);
        words.extend(["-p", &port, "-l", self.user, "-o", "ExitOnForwardFailure=yes"]);
        words.extend(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        words.extend(match self.proof {
            Proof::Key => ["-i", &key, "-o", "BatchMode=yes"],
            Proof::Password => ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"],
        });
        words.extend(self.options.iter().map(String::as_str).chain(does.iter().copied()));
        words.push("127.0.0.1");
        words.into_iter().map(str::to_owned).collect()
    }
}
