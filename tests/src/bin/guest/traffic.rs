//! Traffic between two accounts and a stranger, and what each row must grow by.

use std::{array, net::SocketAddr, ops::AddAssign, time::Duration};

use vpnmon_tests::{
    machine::kernel_version,
    order::{Order, Place, Role},
    status::Bytes,
    wait::SOON,
};

/// In the guest's passwd: `xtask/src/kernels/guest.rs`.
const ALICE: Account = Account { row: 0, uid: 1001 };
const BOB: Account = Account { row: 1, uid: 1002 };
/// Has a limit, and is in no other check.
const CAROL: u32 = 1003;
/// In no passwd, and beyond `ssh.max_uid`.
const STRANGER: Account = Account { row: 2, uid: 70_000 };

/// Service and name of each row.
pub const ROWS: [(&str, &str); 3] = [("ssh", "alice"), ("ssh", "bob"), ("system", "uid:70000")];

/// IP header, TCP header, options.
const IPV6_SYN: u64 = 40 + 20 + 20;

const MINUTE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy)]
struct Account {
    row: usize,
    uid: u32,
}

/// Bytes of each of [`ROWS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows(pub [Bytes; ROWS.len()]);

impl AddAssign for Rows {
    fn add_assign(&mut self, other: Self) {
        self.0 = array::from_fn(|row| sum([self.0[row], other.0[row]]));
    }
}

impl Rows {
    /// All rows together.
    pub fn total(&self) -> Bytes {
        sum(self.0)
    }

    /// Alice has moved these too.
    pub fn add_alice(&mut self, Bytes { up, down }: Bytes) {
        self.add(ALICE, up, down);
    }

    /// `account` has sent `up` bytes of IP packets and received `down`.
    fn add(&mut self, account: Account, up: u64, down: u64) {
        let row = &mut self.0[account.row];
        *row = sum([*row, Bytes { up, down }]);
    }
}

fn sum<const N: usize>(bytes: [Bytes; N]) -> Bytes {
    let add = |sum: Bytes, next: Bytes| Bytes { up: sum.up + next.up, down: sum.down + next.down };
    bytes.into_iter().fold(Bytes::default(), add)
}

/// One of each kind.
pub fn every_kind() -> Rows {
    let mut rows = Rows::default();
    for v6 in [false, true] {
        udp(&mut rows, [ALICE, BOB], v6, &[1, 1400, 0, 60_000], None);
        // 20 whole datagrams; 7 and a rest of one byte; one that needs no cutting.
        udp(&mut rows, [STRANGER, ALICE], v6, &[20_000, 7001, 3], Some(1000));
        udp(&mut rows, [BOB, STRANGER], v6, &[40 * 1452], Some(1452));
        tcp(&mut rows, ALICE, BOB, v6);
    }
    rows
}

/// Carol sends to herself from two CPUs, as fast as it goes, until nothing goes any more.
pub fn flood_of_carol() {
    let place = || Place { uid: Some(CAROL), ..Place::default() };
    let (_sink, port) = Order::new(place(), Role::UdpSink { at: address(false, 0) }).listen();
    let to = address(false, port);
    let flood = Role::UdpFlood { to, threads: 2, payload: 1200, refusals: 1000, most: u64::MAX };
    Order::new(place(), flood).start().success(MINUTE);
}

/// Datagrams and their echoes. The kernel cuts a send of more than `segment` bytes into several.
fn udp(rows: &mut Rows, [client, echo]: [Account; 2], v6: bool, sends: &[usize], cut: Option<u16>) {
    const ROUNDS: u32 = 10;
    let each = |len: &usize| cut.map_or(1, |size| len.div_ceil(usize::from(size)));
    let datagrams: usize = sends.iter().map(each).sum();
    let payload: usize = sends.iter().sum();
    let headers = if v6 { 40 + 8 } else { 20 + 8 };
    let all = ROUNDS * u32::try_from(datagrams).unwrap_or(u32::MAX);
    let (echo_process, port) =
        order(echo, Role::UdpEcho { at: address(v6, 0), datagrams: all }).listen();
    let send = Role::UdpSend {
        to: address(v6, port),
        rounds: ROUNDS,
        sends: sends.to_vec(),
        segment: cut,
    };
    order(client, send).start().success(MINUTE);
    echo_process.success(MINUTE);
    let bytes = u64::from(ROUNDS) * (payload as u64 + datagrams as u64 * headers);
    rows.add(client, bytes, bytes);
    rows.add(echo, bytes, bytes);
}

/// A connection, whose packets TCP itself has counted at the client.
fn tcp(rows: &mut Rows, client: Account, server: Account, v6: bool) {
    const UP: usize = 300_000;
    const DOWN: usize = 200_000;
    let role = Role::TcpBetween { client: client.uid, server: server.uid, v6, up: UP, down: DOWN };
    let mut both = Order::new(Place::default(), role).start();
    let (up, down) = (both.number("up", SOON), both.number("down", SOON));
    both.success(MINUTE);
    rows.add(client, up, down);
    // The SYN that answers leaves before there is a socket to accept: the listener's it is.
    let unseen = if v6 && hides_ipv6_handshakes() { IPV6_SYN } else { 0 };
    rows.add(server, down - unseen, up);
}

/// 5.10 and 6.1 do not run the egress hook for a request socket's IPv6 packets, which are sent in
/// the listener's name: `sk == skb->sk` in `BPF_CGROUP_RUN_PROG_INET_EGRESS`. 6.12 does.
fn hides_ipv6_handshakes() -> bool {
    kernel_version() < (6, 12)
}

fn order(account: Account, role: Role) -> Order {
    Order::new(Place { uid: Some(account.uid), ..Place::default() }, role)
}

fn address(v6: bool, port: u16) -> SocketAddr {
    let ip: [u8; 4] = [127, 0, 0, 1];
    if v6 { ([0, 0, 0, 0, 0, 0, 0, 1], port).into() } else { (ip, port).into() }
}
