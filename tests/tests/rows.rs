//! The rows of `status` add up to what the hook saw, whatever kind of packet it was.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::{net::SocketAddr, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    home::Home,
    machine::Machine,
    order::{Exchange, Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);

/// The witness twice the same, and in between the rows that equal it.
fn add_up(agent: &Agent<'_>, witness: &Witness) -> Bytes {
    let seen = || Bytes { up: witness.egress().wire_bytes, down: witness.ingress().wire_bytes };
    wait_for("rows that add up to the witness", SOON, || {
        let before = seen();
        let sum = equal(agent.status().sum(), &before)?;
        equal(seen(), &sum)
    })
}

fn loopback(port: u16, v6: bool) -> SocketAddr {
    let ip = if v6 { "::1" } else { "127.0.0.1" };
    SocketAddr::new(ip.parse().unwrap_or_else(|_| unreachable!()), port)
}

struct Stage<'a> {
    cgroup: &'a Cgroup,
}

impl Stage<'_> {
    fn order(&self, user: &TestUser, role: Role) -> Order {
        Order::new(Place::of(user).cgroup(self.cgroup.path()), role)
    }

    /// A connection between two users; `server_first` says who keeps the TIME_WAIT socket.
    fn tcp(&self, client: &TestUser, server: &TestUser, v6: bool, server_first: bool) {
        let exchange = Exchange {
            send: 3_000_000,
            receive: Some(5_000_000),
            write: 100_000,
            closes_first: !server_first,
            progress: None,
        };
        let (listener, port) = self.listen(server, exchange.mirrored(), v6);
        let to = loopback(port, v6);
        let connect = Role::TcpConnect { to, exchange, retry: false };
        self.order(client, connect).start().success(MINUTE);
        listener.success(MINUTE);
    }

    fn listen(&self, user: &TestUser, exchange: Exchange, v6: bool) -> (Process, u16) {
        let at = loopback(0, v6);
        self.order(user, Role::TcpListen { at, exchange, connections: 1 }).listen()
    }

    fn udp(&self, client: &TestUser, server: &TestUser) {
        let echo = Role::UdpEcho { at: loopback(0, false), datagrams: 400 };
        let (echo, port) = self.order(server, echo).listen();
        let sends = vec![1000, 60_000, 3, 0];
        let to = loopback(port, false);
        let send = Role::UdpSend { to, rounds: 100, sends, segment: None };
        self.order(client, send).start().success(MINUTE);
        echo.success(MINUTE);
    }

    /// Killed while it sends: its socket goes on without a process.
    fn orphan(&self, client: &TestUser, server: &TestUser) {
        let all = Exchange { send: 0, receive: None, write: 1, closes_first: true, progress: None };
        let (listener, port) = self.listen(server, all, false);
        let endless = Exchange {
            send: u64::MAX,
            receive: Some(0),
            write: 1 << 18,
            closes_first: false,
            progress: Some(1 << 20),
        };
        let to = loopback(port, false);
        let connect = Role::TcpConnect { to, exchange: endless, retry: false };
        let mut sender = self.order(client, connect).start();
        let _ = sender.number("sent", SOON);
        sender.kill();
        listener.success(MINUTE);
    }

    /// A SYN and the kernel's reset.
    fn refused(&self, client: &TestUser) {
        let mut process = self.order(client, Role::TcpRefused { to: loopback(1, false) }).start();
        assert_eq!(process.line(SOON), "refused");
        process.success(SOON);
    }
}

fn check(loopback_counts: bool) {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("rows");
    let witness = Witness::attach(cgroup.path());
    let [a, b, c] = ["a", "b", "c"].map(TestUser::new);
    let home = Home::new(&format!(
        "[meter]\ncgroup = '{}'\nloopback = {loopback_counts}",
        cgroup.path().display()
    ));
    let agent = Agent::start(&home);
    assert_eq!(agent.status().agent.hooks.cgroup_skb, cgroup.path().display().to_string());
    let stage = Stage { cgroup: &cgroup };

    stage.tcp(&a, &b, false, true);
    stage.tcp(&b, &c, true, false);
    stage.udp(&c, &a);
    stage.orphan(&a, &c);
    stage.refused(&b);

    let sum = add_up(&agent, &witness);
    println!("loopback {loopback_counts}: {sum:?}");
    for account in agent.status().accounts {
        println!("  {}/{}: {} {}", account.service, account.name, account.uplink, account.downlink);
    }
    // At least the payload has been there.
    assert!(sum.up > 16_000_000 && sum.down > 16_000_000, "{sum:?}");
    let users = [&a, &b, &c].map(|user| agent.status().bytes("ssh", &user.name));
    if loopback_counts {
        assert!(users.iter().all(|row| row.up > 1_000_000), "{users:?}");
    } else {
        assert_eq!(users, [Bytes::default(); 3]);
        assert_eq!(agent.status().bytes("system", "loopback"), sum);
    }
    let _ = agent.terminate();
}

#[test]
fn rows_add_up() {
    check(true);
}

#[test]
fn loopback_has_its_own_row_when_it_does_not_count() {
    check(false);
}
