//! Where users log in, what they have and do there, and an agent that watches them.

use std::{fs, net::Ipv4Addr, os::unix::process::CommandExt, process::Command, time::Duration};

use serde_json::Value;
use vpnmon_tests::{
    agent::Agent,
    auth_log::AuthLog,
    belongings::Belongings,
    home::Home,
    machine::Machine,
    namespace::Namespace,
    order::{Exchange, Order, Place, Role},
    process::Process,
    ssh::{Keys, Kind, LogTo, Proof, SshServer, SshUser, Stand},
    user::{TestUser, processes_of},
    wait::{SOON, equal, wait_for},
};

pub const MINUTE: Duration = Duration::from_mins(1);
pub const PORTS: [(Kind, u16); 2] = [(Kind::OpenSsh, 22022), (Kind::Dropbear, 22023)];
pub const TARGET_PORT: u16 = 22090;
/// Who listens there reads nothing.
pub const DEAF_PORT: u16 = 22091;
/// A limit of 1 MiB is used up by it.
pub const MOVED: usize = 2_000_000;

/// Where users log in, and an agent watches them.
pub struct Ground {
    pub keys: Keys,
    pub log: AuthLog,
    pub netns: Namespace,
    pub home: Home,
    _machine: Machine,
}

impl Ground {
    pub fn new(sections: &str) -> Self {
        let machine = Machine::take();
        let log = AuthLog::new();
        let auth_log = format!("[ssh]\nauth_log = \"{}\"\n", log.file().display());
        let home =
            Home::new(&format!("[meter]\npersist_interval = \"100ms\"\n{auth_log}{sections}"));
        Self { keys: Keys::new(), log, netns: Namespace::new("enforce"), home, _machine: machine }
    }

    pub fn servers(&self) -> [SshServer<'_>; 2] {
        let stand = Stand { netns: &self.netns, log: LogTo::File(&self.log), cgroup: None };
        PORTS.map(|(kind, port)| SshServer::start(kind, &self.keys, stand, port))
    }

    pub fn user(&self, name: &str) -> SshUser {
        SshUser::new(name, &self.keys)
    }

    /// Bytes of the user's own, over its limit to be.
    pub fn moves(&self, user: &TestUser, peer: &TestUser) {
        self.moving(user, peer).success(MINUTE);
    }

    /// The same, not waited for.
    pub fn moving(&self, user: &TestUser, peer: &TestUser) -> Process {
        let role =
            Role::TcpBetween { client: user.uid, server: peer.uid, v6: false, up: MOVED, down: 0 };
        Order::new(Place::default().netns(&self.netns.name), role).start()
    }

    pub fn done(&self, args: &[&str]) {
        let ended = self.home.agent(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
    }

    pub fn refused(&self, args: &[&str], why: &str) {
        let ended = self.home.agent(args);
        assert_eq!((ended.code, ended.stderr.lines().count()), (1, 1), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }

    /// Uses more than 1 MiB, and sets that as the limit.
    pub fn exceed(&self, agent: &Agent<'_>, user: &TestUser, peer: &TestUser) {
        self.moves(user, peer);
        wait_for("the bytes", SOON, || {
            let up = agent.status().bytes("ssh", &user.name).up;
            if up > MOVED as u64 { Ok(()) } else { Err(format!("{up}")) }
        });
        self.done(&["limit", "set", &user.name, "1"]);
    }

    pub fn events(&self, event: &str, user: &TestUser) -> Vec<Value> {
        let text = fs::read_to_string(self.home.state_dir().join("events.jsonl"));
        let text = text.unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["event"] == event && line["name"] == user.name.as_str()).collect()
    }

    /// Something of the user's that sends to [`DEAF_PORT`] for ever.
    pub fn sends(&self, user: &TestUser) -> Process {
        let (netns, uid) = (self.netns.name.as_str(), user.uid.to_string());
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{DEAF_PORT}; exec cat /dev/zero >&3");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns, "setpriv", "--reuid", &uid, "--clear-groups"]);
        Process::start("sender", command.args(["bash", "-c", &script]))
    }

    /// Until there is such an event.
    pub fn event(&self, event: &str, user: &TestUser) -> Value {
        wait_for(&format!("the event {event}"), SOON, || {
            self.events(event, user).pop().ok_or_else(|| "none".to_owned())
        })
    }

    /// Sockets of a uid in the servers' network.
    pub fn sockets(&self, uid: u32) -> Vec<String> {
        let all = self.netns.exec(&["ss", "-Htuanep"]);
        let word = format!("uid:{uid} ");
        let of_user =
            all.lines().filter(|line| line.contains(&word) && !line.contains("TIME-WAIT"));
        of_user.map(str::to_owned).collect()
    }

    pub fn is_gone(&self, user: &SshUser, belongings: &Belongings) -> Result<(), String> {
        let TestUser { name, uid } = &user.user;
        let mut left = belongings.left();
        left.extend(shadow(name));
        left.extend(living(*uid).into_iter().map(|pid| format!("process {pid}")));
        left.extend(self.sockets(*uid));
        let usage = self.home.state_dir().join("usage").join(format!("{name}.json"));
        let files = [user.home().to_owned(), usage];
        left.extend(files.iter().filter(|it| it.exists()).map(|it| it.display().to_string()));
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    }
}

/// The user's line in shadow.
pub fn shadow(name: &str) -> Option<String> {
    let text = fs::read_to_string("/etc/shadow").unwrap_or_else(|e| panic!("/etc/shadow: {e}"));
    text.lines().find(|line| line.starts_with(&format!("{name}:"))).map(str::to_owned)
}

pub fn passwd(name: &str) -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_else(|e| panic!("/etc/passwd: {e}"));
    text.lines().find(|line| line.starts_with(&format!("{name}:"))).map(str::to_owned)
}

/// Processes of a uid that are no zombies.
pub fn living(uid: u32) -> Vec<i32> {
    let lives = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    processes_of(uid).into_iter().filter(lives).collect()
}

/// Something that the user runs.
pub fn runs(user: &TestUser, program: &str, args: &[&str]) -> Process {
    Process::start(program, Command::new(program).args(args).uid(user.uid).gid(user.uid))
}

/// What is said through a forwarded port.
pub fn exchange() -> Exchange {
    Exchange { send: 1000, receive: Some(1000), write: 1000, closes_first: false, progress: None }
}

pub fn target(ground: &Ground) -> Process {
    listener(ground, TARGET_PORT)
}

pub fn listener(ground: &Ground, port: u16) -> Process {
    let exchange = exchange().mirrored();
    let at = (Ipv4Addr::LOCALHOST, port).into();
    let serve = Role::TcpListen { at, exchange, connections: 100 };
    Order::new(Place::default().netns(&ground.netns.name), serve).listen().0
}

pub fn passes_through(ground: &Ground, port: u16) {
    let to = (Ipv4Addr::LOCALHOST, port).into();
    let connect = Role::TcpConnect { to, exchange: exchange(), retry: true };
    Order::new(Place::default().netns(&ground.netns.name), connect).start().success(MINUTE);
}

pub fn cannot_log_in(servers: &[SshServer<'_>], user: &TestUser) {
    for server in servers {
        for proof in [Proof::Key, Proof::Password] {
            let mut client = server.client(&user.name, proof, 22199, TARGET_PORT);
            let status = client.end(SOON);
            assert!(!status.success(), "{:?} lets in by {proof:?}", server.kind);
        }
    }
}

pub fn has_sessions(agent: &Agent<'_>, user: &TestUser, count: usize) {
    wait_for("the sessions", SOON, || {
        let rows = agent.status().accounts;
        let row = rows.iter().find(|row| row.name == user.name);
        equal(row.map(|row| row.sessions.len()), &Some(count))
    });
}
