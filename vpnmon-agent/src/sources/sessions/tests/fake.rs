//! A machine made of files: `/proc`, a log, an account file.

use std::{
    fs::{self, File},
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::civil::date;
use tempfile::TempDir;

use crate::{
    config::AuthLog,
    event::Now,
    sources::sessions::{Places, ProcRoot, Session, SessionEvent, SessionWatch},
};

/// Unix time of the fake machine's first moment; it has been up for a day.
pub const START: u64 = 1_795_000_000;
pub const UPTIME: u64 = 86_400;
pub const PORT: u16 = 22;

pub struct Machine {
    dir: TempDir,
    sockets: String,
    pub now: Duration,
}

/// One process; its start is a number of its own.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    pub pid: u32,
    pub parent: u32,
    pub start: u64,
    pub program: &'a str,
    pub uid: u32,
    pub title: &'a str,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Self { pid: 0, parent: 1, start: 1, program: "dropbear", uid: 0, title: "dropbear" }
    }
}

impl Machine {
    /// With users root and john to judy, uids from 1001 on, and dropbear as process 100 and sshd as
    /// process 200 that listen.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut machine = Self { dir, sockets: String::new(), now: Duration::ZERO };
        for name in ["proc/1", "bin"] {
            fs::create_dir_all(machine.path(name)).unwrap();
        }
        for name in ["sshd", "sshd-session", "dropbear", "bash"] {
            machine.program(name, 0o755);
        }
        fs::write(machine.path("proc/uptime"), format!("{UPTIME}.50 1.00\n")).unwrap();
        let users = ["john", "jane", "judy"].iter().zip(1001..);
        let users = users.map(|(name, uid)| format!("{name}:x:{uid}:{uid}::/:\n"));
        fs::write(
            machine.path("passwd"),
            "root:x:0:0::/:\n".to_owned() + &users.collect::<String>(),
        )
        .unwrap();
        fs::write(machine.path("auth.log"), "").unwrap();
        machine.process(Made { pid: 1, program: "bash", ..Made::default() });
        machine.process(Made { pid: 100, ..Made::default() });
        machine.process(Made {
            pid: 200,
            program: "sshd",
            title: "sshd: sshd [listener] 0 of 10",
            ..Made::default()
        });
        machine.socket(100, 3, PORT, None);
        machine.socket(200, 3, PORT + 1, None);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn program(&self, name: &str, mode: u32) {
        let file = self.path("bin").join(name);
        File::create(&file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn process(&self, it: Made<'_>) {
        let Made { pid, parent, start, program, uid, title } = it;
        let dir = self.path(&format!("proc/{pid}"));
        let _ = fs::remove_dir_all(&dir);
        for name in ["fd", "fdinfo", "ns", "net", &format!("task/{pid}")] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        let zeros = "0 ".repeat(17);
        let stat = format!("{pid} (a) b) S {parent} {zeros}{start} 0 0\n");
        fs::write(dir.join("stat"), stat).unwrap();
        fs::write(dir.join("status"), format!("Name:\ta\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"))
            .unwrap();
        fs::write(dir.join("cmdline"), format!("{title}\0\0-x\0")).unwrap();
        fs::write(dir.join(format!("task/{pid}/children")), "").unwrap();
        symlink(self.path("bin").join(program), dir.join("exe")).unwrap();
        symlink("net:[1]", dir.join("ns/net")).unwrap();
        for table in ["tcp", "tcp6"] {
            let _ = fs::remove_file(dir.join("net").join(table));
        }
        symlink(self.path("tcp"), dir.join("net/tcp")).unwrap();
        let children = self.path(&format!("proc/{parent}/task/{parent}/children"));
        if let Ok(mut file) = File::options().append(true).open(children) {
            write!(file, "{pid} ").unwrap();
        }
    }

    /// A socket of a process: with a client, or it listens.
    pub fn socket(&mut self, pid: u32, fd: u32, port: u16, client: Option<SocketAddr>) {
        let inode = pid * 100 + fd;
        symlink(format!("socket:[{inode}]"), self.path(&format!("proc/{pid}/fd/{fd}"))).unwrap();
        let hex = |address: SocketAddr| {
            let SocketAddr::V4(address) = address else { panic!("{address}") };
            let number = u32::from_ne_bytes(address.ip().octets());
            format!("{number:08X}:{:04X}", address.port())
        };
        let local = hex(SocketAddr::from(([10, 0, 0, 1], port)));
        let (remote, state) = client.map_or(("00000000:0000".into(), "0A"), |it| (hex(it), "01"));
        let line = format!(" 1: {local} {remote} {state} 0:0 00:0 0 0 0 {inode} 1\n");
        self.sockets.push_str(&line);
        fs::write(self.path("tcp"), &self.sockets).unwrap();
    }

    /// One end of a pipe.
    pub fn pipe(&self, pid: u32, fd: u32, inode: u32, writes: bool) {
        let dir = self.path(&format!("proc/{pid}"));
        symlink(format!("pipe:[{inode}]"), dir.join(format!("fd/{fd}"))).unwrap();
        let flags = format!("pos:\t0\nflags:\t010000{}\n", u32::from(writes));
        fs::write(dir.join(format!("fdinfo/{fd}")), flags).unwrap();
    }

    /// A session of dropbear that stays root: a child of the listener with a client.
    pub fn dropbear(&mut self, pid: u32, start: u64, client: &str) {
        self.process(Made { pid, parent: 100, start, ..Made::default() });
        self.socket(pid, 0, PORT, Some(client.parse().unwrap()));
    }

    /// A process ends.
    pub fn end(&self, pid: u32) {
        fs::remove_dir_all(self.path(&format!("proc/{pid}"))).unwrap();
        for listener in [100, 200] {
            let children = self.path(&format!("proc/{listener}/task/{listener}/children"));
            let text = fs::read_to_string(&children).unwrap().replace(&format!("{pid} "), "");
            fs::write(children, text).unwrap();
        }
    }

    pub fn log(&self, text: &str) {
        append(&self.path("auth.log"), text);
    }

    /// A line of dropbear, of now.
    pub fn says(&self, pid: u32, user: &str, client: &str) {
        let at = jiff::Timestamp::from_second((START + self.now.as_secs()).cast_signed()).unwrap();
        self.log(&format!(
            "{at} h dropbear[{pid}]: Password auth succeeded for '{user}' from {client}\n"
        ));
    }

    pub fn watch(&self) -> SessionWatch {
        self.watch_with(&AuthLog::Path(self.path("auth.log")), vec!["false".into()])
    }

    pub fn watch_with(&self, choice: &AuthLog, journalctl: Vec<String>) -> SessionWatch {
        let places = Places {
            journald: self.path("journald"),
            journals: vec![self.path("journal")],
            journalctl,
            files: vec![self.path("auth.log"), self.path("secure")],
        };
        SessionWatch::with(choice, places, ProcRoot(self.path("proc")), &self.path("passwd"))
    }

    pub fn now(&self) -> Now {
        let monotonic = self.now;
        Now { unix_seconds: START + monotonic.as_secs(), today: date(2026, 11, 24), monotonic }
    }

    /// Polls ten times a second for so long; what sessions changed, as text.
    pub fn poll(&mut self, watch: &mut SessionWatch, seconds: f64) -> Vec<String> {
        self.events(watch, seconds).iter().filter_map(shown).collect()
    }

    /// The same with all that is told of.
    pub fn events(&mut self, watch: &mut SessionWatch, seconds: f64) -> Vec<SessionEvent> {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut events = Vec::new();
        while self.now < end {
            self.now += Duration::from_millis(100);
            events.extend(watch.poll(self.now()));
        }
        events
    }
}

pub fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn shown(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::Began(Session { pid, user, client, client_port, .. }) => {
            let client = client.zip(*client_port).map(SocketAddr::from);
            let client = client.map_or("?".to_owned(), |client| client.to_string());
            Some(format!("+{pid} {user} {client}"))
        }
        SessionEvent::Ended { pid, start_time } => Some(format!("-{pid} {start_time}")),
        SessionEvent::Listens(_) | SessionEvent::ListenerEnded { .. } => None,
    }
}
