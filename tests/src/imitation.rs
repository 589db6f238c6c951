//! What looks like a dropbear in `/proc`, and opens what its clients ask for as root: what the real
//! one does before 2025.89, without its cryptography and on machines where there is none.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    order::{Order, Place, Role},
    process::Process,
    wait::SOON,
};

/// A listening server.
#[derive(Debug)]
pub struct Imitation {
    server: Process,
    port: u16,
    log: PathBuf,
}

/// A client's connection to it.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    pid: String,
    port: String,
    log: PathBuf,
}

impl Imitation {
    /// `program` is a copy of vpnmon-traffic that has a server's name; its lines go to `log`.
    #[must_use]
    pub fn start(program: &Path, log: &Path, cgroup: Option<&Path>) -> Self {
        Self::listening(program, log, cgroup, false)
    }

    /// The same, over MPTCP or not.
    #[must_use]
    pub fn listening(program: &Path, log: &Path, cgroup: Option<&Path>, over_mptcp: bool) -> Self {
        let role = Role::SessionServer { at: (Ipv4Addr::LOCALHOST, 0).into(), over_mptcp };
        let place = Place { cgroup: cgroup.map(Path::to_owned), ..Place::default() };
        let order = Order::new(place, role).text();
        let mut server = Process::start("an imitation", Command::new(program).arg(order));
        let port = u16::try_from(server.number("port", SOON)).unwrap_or_default();
        Self { server, port, log: log.to_owned() }
    }

    /// A client that nobody has logged in yet.
    pub fn connect(&mut self) -> Client {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let stream = BufReader::new(stream.unwrap_or_else(|e| panic!("no connection: {e}")));
        let line = self.server.line(SOON);
        let mut words = line.split(' ').skip(1).map(str::to_owned);
        let (pid, port) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Client { stream, pid, port, log: self.log.clone() }
    }
}

impl Client {
    /// The session's process plays `role`; returns when it has.
    pub fn asks_for(&mut self, role: &Role) {
        let text = serde_json::to_string(role).unwrap_or_else(|e| panic!("{e}"));
        let mut answer = String::new();
        let sent = self.stream.get_ref().write_all(format!("{text}\n").as_bytes());
        let read = sent.and_then(|()| self.stream.read_line(&mut answer));
        assert!(read.is_ok() && answer == "done\n", "{text}: {read:?} {answer:?}");
    }

    /// The server's log says who has logged in.
    pub fn is_logged_in_as(&self, user: &str) {
        let Self { pid, port, .. } = self;
        let said = format!("Password auth succeeded for '{user}' from 127.0.0.1:{port}");
        // Of no day that a calendar has: without a time there is none before the process.
        let line = format!("Feb 31 11:02:03 h dropbear[{pid}]: {said}\n");
        let log = File::options().append(true).open(&self.log);
        let written = log.and_then(|mut log| log.write_all(line.as_bytes()));
        written.unwrap_or_else(|e| panic!("{}: {e}", self.log.display()));
    }
}
