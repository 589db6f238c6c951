//! A session opens its user's connections as root, before anybody can know who the user is.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    home::Home,
    imitation::{Client, Imitation},
    machine::Machine,
    order::{Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

/// IPv4 and UDP headers.
const HEADERS: u64 = 28;
const MINUTE: Duration = Duration::from_mins(1);

/// A log, a copy of the traffic program that is called dropbear, and an agent's home. Only what the
/// server does counts: its cgroup is the agent's.
struct Stage {
    dir: TempDir,
    cgroup: Cgroup,
    home: Home,
}

impl Stage {
    fn new() -> io::Result<Self> {
        let dir = TempDir::with_prefix("vpnmon-waiting-")?;
        let log = dir.path().join("auth.log");
        fs::write(&log, "")?;
        fs::copy(env!("CARGO_BIN_EXE_vpnmon-traffic"), dir.path().join("dropbear"))?;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path().join("dropbear"), mode)?;
        let cgroup = Cgroup::new("waiting");
        let home = Home::new(&format!(
            "[meter]\ncgroup = '{}'\n[ssh]\nauth_log = '{}'\n",
            cgroup.path().display(),
            log.display()
        ));
        Ok(Self { dir, cgroup, home })
    }

    fn server(&self) -> Imitation {
        let cgroup = Some(self.cgroup.path());
        Imitation::start(&self.file("dropbear"), &self.file("auth.log"), cgroup)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// An echo that belongs to nobody of interest.
fn echo(datagrams: u32) -> (Process, SocketAddr) {
    let place = Place { uid: Some(65_534), ..Place::default() };
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let (process, port) = Order::new(place, Role::UdpEcho { at, datagrams }).listen();
    (process, (Ipv4Addr::LOCALHOST, port).into())
}

/// Ten datagrams and their echoes through the session; what they weigh, one way.
fn talks(client: &mut Client, payload: usize) -> u64 {
    let (echo, to) = echo(10);
    client.asks_for(&Role::UdpSend { to, rounds: 10, sends: vec![payload], segment: None });
    echo.success(MINUTE);
    10 * (payload as u64 + HEADERS)
}

fn both(bytes: u64) -> Bytes {
    Bytes { up: bytes, down: bytes }
}

/// Until the kernel knows the server: what a client says to it then counts as transport.
fn is_carried(agent: &Agent<'_>, server: &mut Imitation) {
    // Who is not told of by the log is looked for once a minute.
    wait_for("the server's sockets", 2 * MINUTE + SOON, || {
        let transport = agent.status().bytes("system", "transport");
        drop(server.connect());
        // A server that is always busy with a client is not seen to be one.
        thread::sleep(Duration::from_millis(200));
        (transport.up > 0).then_some(()).ok_or_else(|| "none is transport".to_owned())
    });
}

#[test]
fn bytes_wait_for_their_user() {
    let _machine = Machine::take();
    let stage = Stage::new().unwrap();
    let (alice, bob) = (TestUser::new("alice"), TestUser::new("bob"));
    let agent = Agent::start(&stage.home);
    // Later than the agent.
    let mut server = stage.server();
    is_carried(&agent, &mut server);
    let mut one = server.connect();
    let mut other = server.connect();
    let before = root(&agent);
    let mut sums = [talks(&mut one, 1000), talks(&mut other, 300)];
    assert_eq!(root(&agent), before, "nobody has logged in yet");
    one.is_logged_in_as(&alice.name);
    other.is_logged_in_as(&bob.name);
    agent.reaches(&alice.name, both(sums[0]));
    agent.reaches(&bob.name, both(sums[1]));
    // From here on the kernel does it alone.
    sums[0] += talks(&mut one, 1400);
    sums[1] += talks(&mut other, 700);
    agent.reaches(&alice.name, both(sums[0]));
    agent.reaches(&bob.name, both(sums[1]));

    // Also when the agent is dead, and when it comes back.
    agent.kill9();
    sums[0] += talks(&mut one, 100);
    let agent = Agent::start(&stage.home);
    sums[1] += talks(&mut other, 200);
    agent.reaches(&alice.name, both(sums[0]));
    agent.reaches(&bob.name, both(sums[1]));
    assert_eq!(root(&agent), before, "bytes of a user under root");
}

/// Nobody ever says whose the session is: root's, after a while.
#[test]
fn bytes_of_nobody_are_roots() {
    let _machine = Machine::take();
    let stage = Stage::new().unwrap();
    let agent = Agent::start(&stage.home);
    let mut server = stage.server();
    is_carried(&agent, &mut server);
    let mut client = server.connect();
    let before = root(&agent);
    let roots = |sum| Bytes { up: before.up + sum, down: before.down + sum };
    let mut sum = talks(&mut client, 1000);
    agent.reaches_in("system", "root", roots(sum));
    sum += talks(&mut client, 1000);
    agent.reaches_in("system", "root", roots(sum));
    // Better late than never; what was root's stays root's.
    let alice = TestUser::new("alice");
    client.is_logged_in_as(&alice.name);
    wait_for("the session", SOON, || is_online(&agent, &alice));
    let later = talks(&mut client, 500);
    agent.reaches(&alice.name, both(later));
    agent.reaches_in("system", "root", roots(sum));
}

/// The agent dies while bytes wait, and another one finds them, and the line.
#[test]
fn bytes_wait_for_another_agent() {
    let _machine = Machine::take();
    let stage = Stage::new().unwrap();
    let alice = TestUser::new("alice");
    let mut server = stage.server();
    let agent = Agent::start(&stage.home);
    is_carried(&agent, &mut server);
    let mut client = server.connect();
    agent.kill9();
    let mut sum = talks(&mut client, 1000);
    client.is_logged_in_as(&alice.name);
    let agent = Agent::start(&stage.home);
    sum += talks(&mut client, 1000);
    agent.reaches(&alice.name, both(sum));
}

/// The socket that packets come by is none that the server has.
#[test]
fn clients_of_a_listener_over_mptcp_are_transport() {
    let _machine = Machine::take();
    let stage = Stage::new().unwrap();
    let cgroup = Some(stage.cgroup.path());
    let (program, log) = (stage.file("dropbear"), stage.file("auth.log"));
    let mut server = Imitation::listening(&program, &log, cgroup, true);
    let agent = Agent::start(&stage.home);
    is_carried(&agent, &mut server);
    let before = root(&agent);
    drop(server.connect());
    assert_eq!(root(&agent), before, "{}", agent.log());
}

/// What a session has open when the agent comes counts for its user as soon as the session is seen.
#[test]
fn sockets_that_were_there_before_are_tagged() {
    let _machine = Machine::take();
    let stage = Stage::new().unwrap();
    let alice = TestUser::new("alice");
    let mut server = stage.server();
    let mut client = server.connect();
    client.is_logged_in_as(&alice.name);
    let (echo, to) = echo(10);
    echo.signal(Signal::SIGSTOP);
    let role = Role::UdpSend { to, rounds: 10, sends: vec![500], segment: None };
    let talking = thread::spawn(move || client.asks_for(&role));
    // The first datagram is out, or is still to come: then it counts too.
    let agent = Agent::start(&stage.home);
    wait_for("the session", SOON, || is_online(&agent, &alice));
    echo.signal(Signal::SIGCONT);
    talking.join().unwrap();
    echo.success(MINUTE);
    let each = 500 + HEADERS;
    wait_for("the row of alice", SOON, || {
        let Bytes { up, down } = agent.status().bytes("ssh", &alice.name);
        equal((up.min(9 * each), down), &(9 * each, 10 * each))
    });
    assert_eq!(root(&agent).down, 0);
}

fn is_online(agent: &Agent<'_>, user: &TestUser) -> Result<(), String> {
    let status = agent.status();
    let account = status.accounts.iter().find(|account| account.name == user.name);
    let sessions = account.map_or(0, |account| account.sessions.len());
    equal(sessions, &1).map(drop)
}

fn root(agent: &Agent<'_>) -> Bytes {
    agent.status().bytes("system", "root")
}
