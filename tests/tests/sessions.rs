//! The session tracker on real servers: whoever opens a destination socket is known by name.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{
    collections::HashMap,
    fs,
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use vpnmon_agent::seam::{
    AuthLog as Choice, Clock,
    sessions::{Places, ProcRoot, Server, Session, SessionEvent, SessionWatch},
};
use vpnmon_tests::{
    auth_log::AuthLog,
    journal::Journal,
    machine::Machine,
    namespace::Namespace,
    order::{Exchange, Order, Place, Role},
    process::{Process, outcome},
    ssh::{
        Keys,
        Kind::{self, Dropbear, NewDropbear, OpenSsh},
        LogTo,
        Proof::{self, Key, Password},
        SshServer, SshUser, Stand,
    },
    wait::{SOON, equal, wait_for},
};

const SSHD_PORT: u16 = 22022;
const DROPBEAR_PORT: u16 = 22023;
const TARGET_PORT: u16 = 22090;
const FORWARD_PORT: u16 = 22100;

/// A tracker, and what it knows.
struct Tracker {
    watch: SessionWatch,
    clock: Clock,
    known: HashMap<u32, Session>,
}

impl Tracker {
    fn new(log: &AuthLog) -> Self {
        Self::of(SessionWatch::new(&Choice::Path(log.file())))
    }

    fn of(watch: SessionWatch) -> Self {
        let mut tracker = Self { watch, clock: Clock::new(), known: HashMap::new() };
        tracker.poll();
        tracker
    }

    fn poll(&mut self) -> usize {
        let events = self.watch.poll(self.clock.now());
        let count = events.len();
        for event in events {
            match event {
                SessionEvent::Began(session) => {
                    let before = self.known.insert(session.pid, session);
                    assert_eq!(before, None, "began twice");
                }
                SessionEvent::Ended { pid, start_time } => {
                    let known = self.known.remove(&pid).map(|session| session.start_time);
                    assert_eq!(known, Some(start_time), "ended without having begun");
                }
                SessionEvent::Listens(_) | SessionEvent::ListenerEnded { .. } => {}
            }
        }
        count
    }

    /// Polls as the agent would, until `done`.
    fn until<T>(&mut self, what: &str, mut done: impl FnMut(&Self) -> Result<T, String>) -> T {
        wait_for(what, SOON, || {
            self.poll();
            done(self).map_err(|why| {
                format!("{why}; known: {:?}; problems: {:?}", self.known, self.watch.problems())
            })
        })
    }

    fn until_gone(&mut self) {
        self.until("the end of all", |it| equal(it.known.len(), &0));
    }
}

/// A network of its own with both servers, and somebody to connect to.
struct Servers<'a> {
    netns: &'a Namespace,
    sshd: SshServer<'a>,
    dropbear: SshServer<'a>,
    _target: Process,
}

impl<'a> Servers<'a> {
    fn start(keys: &'a Keys, netns: &'a Namespace, log: LogTo<'a>) -> Self {
        let stand = Stand { netns, log, cgroup: None };
        let start = |kind, port| SshServer::start(kind, keys, stand, port);
        let exchange =
            Exchange { send: 0, receive: None, write: 1, closes_first: false, progress: None };
        let at = (Ipv4Addr::LOCALHOST, TARGET_PORT).into();
        let serve = Role::TcpListen { at, exchange, connections: 100 };
        let (target, _) = Order::new(Place::default().netns(&netns.name), serve).listen();
        Self {
            netns,
            sshd: start(OpenSsh, SSHD_PORT),
            dropbear: start(Dropbear, DROPBEAR_PORT),
            _target: target,
        }
    }

    fn of(&self, kind: Kind) -> &SshServer<'a> {
        match kind {
            OpenSsh => &self.sshd,
            Dropbear | NewDropbear => &self.dropbear,
        }
    }

    fn login(&self, user: &SshUser, (kind, proof, forward): Login) -> Process {
        self.of(kind).client(&user.user.name, proof, forward, TARGET_PORT)
    }

    /// Connects through the forwarded port, and asks the kernel which process of the server has the
    /// destination socket.
    fn destination(&self, (kind, _, forward): Login) -> u32 {
        let server = if kind == OpenSsh { "sshd" } else { "dropbear" };
        let before = self.holders(server);
        let to = (Ipv4Addr::LOCALHOST, forward).into();
        let exchange =
            Exchange { send: 1, receive: None, write: 1, closes_first: false, progress: None };
        let connect = Role::TcpConnect { to, exchange, retry: true };
        let connection = Order::new(Place::default().netns(&self.netns.name), connect).start();
        let found = wait_for("the destination socket", SOON, || {
            let now = self.holders(server);
            let new = now.iter().find(|(socket, _)| !before.contains_key(*socket));
            new.map(|(_, pid)| *pid).ok_or_else(|| format!("{now:?}; {}", connection.stderr()))
        });
        drop(connection);
        found
    }

    /// Sockets to the target that `server` has, by their own address, and who has them.
    fn holders(&self, server: &str) -> HashMap<String, u32> {
        let filter = format!("dport = :{TARGET_PORT}");
        let text = self.netns.exec(&["ss", "-Htnp", &filter]);
        let holder = |line: &str| {
            let (_, holder) = line.split_once(&format!("((\"{server}\",pid="))?;
            let pid = holder.split(',').next()?.parse().ok()?;
            Some((line.split_whitespace().nth(3)?.to_owned(), pid))
        };
        text.lines().filter_map(holder).collect()
    }
}

/// Server, proof, and the port that the client forwards.
type Login = (Kind, Proof, u16);

/// That the process which opens the destination socket of `login` is known as `user`'s.
fn is_known(tracker: &mut Tracker, servers: &Servers<'_>, user: &SshUser, login: Login) {
    let pid = servers.destination(login);
    let name = &user.user.name;
    let session = tracker.until(&format!("the session of {name}, {login:?}"), |it| {
        it.known.get(&pid).cloned().ok_or_else(|| format!("process {pid} is not known"))
    });
    assert_eq!(session.user, *name, "{login:?}");
    assert_eq!(session.client, Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(Some(session.start_time), start_time(pid));
    let port = session.client_port.unwrap_or_default();
    let legs = servers.netns.exec(&["ss", "-Htn", &format!("sport = :{port}")]);
    assert!(legs.contains(&servers.of(login.0).at().to_string()), "no client at {port}: {legs}");
}

/// Field 22 of a process' `stat`.
fn start_time(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[test]
fn logins_of_two_users_on_both_servers() {
    let _machine = Machine::take();
    let (keys, log, netns) = (Keys::new(), AuthLog::new(), Namespace::new("sessions"));
    let users = [SshUser::new("john", &keys), SshUser::new("jane", &keys)];
    let servers = Servers::start(&keys, &netns, LogTo::File(&log));
    let logins = [(OpenSsh, Key), (OpenSsh, Password), (Dropbear, Key), (Dropbear, Password)];
    let ports = FORWARD_PORT..;
    let all = users.iter().flat_map(|user| logins.map(|login| (user, login)));
    let all: Vec<_> =
        all.zip(ports).map(|((user, (kind, proof)), port)| (user, (kind, proof, port))).collect();
    let (first, second) = all.split_at(4);
    let clients = |of: &[(&SshUser, Login)]| {
        of.iter().map(|(user, login)| servers.login(user, *login)).collect::<Vec<_>>()
    };

    // Half of them were there before the tracker.
    let early = clients(first);
    for (_, login) in first {
        servers.destination(*login);
    }
    let mut tracker = Tracker::new(&log);
    for (user, login) in first {
        is_known(&mut tracker, &servers, user, *login);
    }
    let late = clients(second);
    for (user, login) in second {
        is_known(&mut tracker, &servers, user, *login);
    }
    // Two processes for each of OpenSSH's four, one for dropbear's. Whoever runs this may be logged
    // in too.
    let ours = |session: &&Session| users.iter().any(|user| user.user.name == session.user);
    assert_eq!(tracker.known.values().filter(ours).count(), 12);
    assert_eq!(tracker.watch.problems(), [""; 0]);

    drop(early);
    drop(late);
    tracker.until_gone();
}

#[test]
fn a_log_is_rotated_between_logins() {
    let _machine = Machine::take();
    let (keys, log, netns) = (Keys::new(), AuthLog::new(), Namespace::new("sessions"));
    let john = SshUser::new("john", &keys);
    let servers = Servers::start(&keys, &netns, LogTo::File(&log));
    let mut tracker = Tracker::new(&log);
    let mut clients = Vec::new();
    let mut logs_in = |tracker: &mut Tracker, port| {
        let login = (Dropbear, Key, port);
        clients.push(servers.login(&john, login));
        is_known(tracker, &servers, &john, login);
    };
    logs_in(&mut tracker, FORWARD_PORT);
    log.rename();
    // The writer has not been told yet.
    logs_in(&mut tracker, FORWARD_PORT + 1);
    log.reopen();
    logs_in(&mut tracker, FORWARD_PORT + 2);
    log.truncate();
    logs_in(&mut tracker, FORWARD_PORT + 3);
    assert_eq!(tracker.known.len(), 4);
    // Another one has to look into the file that was rotated away.
    let mut later = Tracker::new(&log);
    later.until("the sessions of the last logs", |it| match it.known.len() {
        0 | 1 => Err("too few".into()),
        _ => Ok(()),
    });
    assert!(later.known.values().all(|session| session.user == john.user.name));
}

#[test]
fn nobody_is_let_in_by_a_line() {
    let _machine = Machine::take();
    let (keys, log, netns) = (Keys::new(), AuthLog::new(), Namespace::new("sessions"));
    let (john, jane) = (SshUser::new("john", &keys), SshUser::new("jane", &keys));
    let servers = Servers::start(&keys, &netns, LogTo::File(&log));
    let mut tracker = Tracker::new(&log);
    let victim = &john.user.name;

    // By user name.
    for kind in [OpenSsh, Dropbear] {
        for name in [
            format!("Accepted password for {victim} from 127.0.0.1 port 22 ssh2"),
            format!("x from 127.0.0.1 port 22 ssh2\nAccepted password for {victim}"),
            format!("Password auth succeeded for '{victim}' from 127.0.0.1:22"),
        ] {
            let mut client = servers.of(kind).client(&name, Password, FORWARD_PORT, TARGET_PORT);
            assert!(!client.end(SOON).success(), "{name}");
        }
    }
    // By a version text, and with a real process that has this very client, but nobody has logged
    // in: said by somebody who may write to /dev/log as everybody may.
    for kind in [OpenSsh, Dropbear] {
        let server = servers.of(kind).at();
        let script = format!(
            "exec 3<>/dev/tcp/{}/{}; printf 'SSH-2.0-{}\\r\\n' >&3; sleep 60",
            server.ip(),
            server.port(),
            "Accepted password for root from 127.0.0.1 port 22 ssh2"
        );
        let args = ["netns", "exec", &netns.name, "bash", "-c", &script];
        let client = Process::start("client", Command::new("ip").args(args));
        let (name, port) = wait_for("the server's process", SOON, || child(&netns, server.port()));
        let (tag, pid) = name;
        let text = match kind {
            OpenSsh => format!("Accepted password for {victim} from 127.0.0.1 port {port} ssh2"),
            Dropbear | NewDropbear => {
                format!("Password auth succeeded for '{victim}' from 127.0.0.1:{port}")
            }
        };
        let socket = log.socket();
        forge(&jane, &socket.display().to_string(), &format!("{tag}[{pid}]"), &text);
        wait_for("the forged line", SOON, || {
            let text = log.text();
            if text.contains(&format!("{tag}[{pid}]: A"))
                || text.contains(&format!("{tag}[{pid}]: P"))
            {
                Ok(())
            } else {
                Err(text)
            }
        });
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            assert_eq!(tracker.poll(), 0, "{:?}", tracker.known);
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(log.text().contains(&text));
        drop(client);
    }
    let problems = tracker.watch.problems().concat();
    assert!(problems.contains("told of logins that are none"), "{problems}");
    // And the one who is let in is not taken for somebody else.
    let login = (Dropbear, Key, FORWARD_PORT);
    let _client = servers.login(&jane, login);
    is_known(&mut tracker, &servers, &jane, login);
}

/// The process with the server's end of the connection to `port`, its name, and the client's port.
fn child(netns: &Namespace, port: u16) -> Result<((String, u32), u16), String> {
    let text = netns.exec(&["ss", "-Htnp", &format!("sport = :{port}")]);
    let read = |line: &str| {
        let peer = line.split_whitespace().nth(4)?.rsplit_once(':')?.1.parse().ok()?;
        let (name, rest) = line.split_once("((\"")?.1.split_once("\",pid=")?;
        Some(((name.to_owned(), rest.split(',').next()?.parse().ok()?), peer))
    };
    text.lines().find_map(read).ok_or(text)
}

/// An ordinary user's word to /dev/log.
fn forge(user: &SshUser, socket: &str, tag: &str, text: &str) {
    let uid = user.user.uid.to_string();
    let args = ["--reuid", &uid, "--clear-groups", "logger", "-u", socket, "-t", tag, "-p"];
    let ended = outcome("setpriv", &[&args[..], &["auth.info", text]].concat());
    assert_eq!(ended.code, 0, "logger: {}", ended.stderr);
}

/// The journal knows who wrote a line, so nobody can write another's.
#[test]
fn the_journal_is_believed_and_its_forgers_are_not() {
    let _machine = Machine::take();
    let (keys, journal, netns) = (Keys::new(), Journal::start(), Namespace::new("sessions"));
    let (john, jane) = (SshUser::new("john", &keys), SshUser::new("jane", &keys));
    let servers = Servers::start(&keys, &netns, LogTo::Journal(&journal));
    let watch = || {
        let places = Places {
            journald: journal.socket(),
            journals: vec![journal.dir()],
            journalctl: [journal.prefix(), vec!["journalctl".to_owned()]].concat(),
            files: Vec::new(),
        };
        SessionWatch::with(&Choice::Auto, places, ProcRoot::default(), Path::new("/etc/passwd"))
    };
    let mut tracker = Tracker::of(watch());
    let login = (Dropbear, Key, FORWARD_PORT);
    let _client = servers.login(&jane, login);
    is_known(&mut tracker, &servers, &jane, login);
    let sshd_login = (OpenSsh, Password, FORWARD_PORT + 1);
    let _client = servers.login(&john, sshd_login);
    is_known(&mut tracker, &servers, &john, sshd_login);

    let session = tracker.known.values().find(|session| session.server == Server::Dropbear);
    let Some(Session { pid, client_port: Some(port), .. }) = session.cloned() else {
        panic!("{session:?}")
    };
    let text = format!("Password auth succeeded for '{}' from 127.0.0.1:{port}", john.user.name);
    let mut forge = journal.prefix();
    forge.extend(["logger", "-t", &format!("dropbear[{pid}]"), &text].map(str::to_owned));
    let args: Vec<_> = forge[1..].iter().map(String::as_str).collect();
    assert_eq!(outcome(&forge[0], &args).code, 0);
    // A later tracker reads both lines, and whatever is written after them.
    let mut later = Tracker::of(watch());
    is_known(&mut later, &servers, &jane, login);
    let last = (Dropbear, Password, FORWARD_PORT + 2);
    let _client = servers.login(&john, last);
    for tracker in [&mut tracker, &mut later] {
        is_known(tracker, &servers, &john, last);
        assert_eq!(tracker.known[&pid].user, jane.user.name);
        assert_eq!(tracker.watch.problems(), [""; 0]);
    }
}

/// Processes that look like dropbear's, each with a client and a line, and one poll after the other.
#[test]
fn a_thousand_sessions_cost_little() {
    const SESSIONS: usize = 1000;
    const POLLS: u32 = 50;
    let _machine = Machine::take();
    let (log, dir) = (AuthLog::new(), TempDir::with_prefix("vpnmon-many-").unwrap());
    let program = dir.path().join("dropbear");
    fs::copy(env!("CARGO_BIN_EXE_vpnmon-traffic"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut tracker = Tracker::new(&log);
    let none = cost(&mut tracker, POLLS);

    let role = Role::SessionServer { at: (Ipv4Addr::LOCALHOST, 0).into(), over_mptcp: false };
    let order = serde_json::to_string(&Order::new(Place::default(), role)).unwrap();
    let mut server = Process::start("many", Command::new(&program).arg(order));
    let port = u16::try_from(server.number("port", SOON)).unwrap();
    let mut clients = Vec::new();
    let mut lines = String::new();
    for _ in 0..SESSIONS {
        clients.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap());
        let line = server.line(SOON);
        let mut words = line.split(' ').skip(1);
        let (pid, client) = (words.next().unwrap(), words.next().unwrap());
        // Of no day that a calendar has: without a time there is none before the process.
        let said = "Password auth succeeded for 'root' from 127.0.0.1";
        let line = format!("Feb 31 11:02:03 h dropbear[{pid}]: {said}:{client}\n");
        lines.push_str(&line);
    }
    fs::write(log.file(), lines).unwrap();
    tracker.until("all sessions", |it| equal(it.known.len(), &SESSIONS));
    let many = cost(&mut tracker, POLLS);
    println!("a poll with 0 sessions: {none:?}; with {SESSIONS}: {many:?}");
    assert!(many < Duration::from_millis(5), "a poll with {SESSIONS} sessions took {many:?}");
    drop(clients);
    tracker.until_gone();
}

/// Mean time of a poll, ten a second.
fn cost(tracker: &mut Tracker, polls: u32) -> Duration {
    let mut spent = Duration::ZERO;
    let mut longest = Duration::ZERO;
    for _ in 0..polls {
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        tracker.poll();
        spent += start.elapsed();
        longest = longest.max(start.elapsed());
    }
    println!("{polls} polls: longest {longest:?}");
    spent / polls
}
