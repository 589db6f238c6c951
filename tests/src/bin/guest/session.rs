//! A session that opens its user's sockets as root, before and after anybody knows who that is.

use std::{fs, net::SocketAddr, path::Path, thread, time::Duration};

use vpnmon_tests::{
    imitation::{Client, Imitation},
    order::{Order, Place, Role},
    status::Bytes,
    wait::{SOON, wait_for},
};

use crate::stage::Stage;

/// The agent's `ssh.auth_log`.
pub const LOG: &str = "/tmp/auth.log";
const TRAFFIC: &str = "/bin/vpnmon-traffic";
const DROPBEAR: &str = "/bin/dropbear";

const ROUNDS: u32 = 10;
const PAYLOAD: usize = 1000;
/// IPv4 and UDP headers.
const HEADERS: usize = 28;
const MINUTE: Duration = Duration::from_mins(1);

/// What a session of `user` moves, each way; the agent has all of it.
pub fn of(stage: &Stage<'_>, user: &str) -> Bytes {
    fs::hard_link(TRAFFIC, DROPBEAR).unwrap_or_else(|e| panic!("{DROPBEAR}: {e}"));
    let mut server = Imitation::start(Path::new(DROPBEAR), Path::new(LOG), None);
    wait_for("the server's sockets", SOON, || {
        drop(server.connect());
        thread::sleep(Duration::from_millis(200));
        let transport = stage.agent().status().bytes("system", "transport");
        (transport.up > 0).then_some(()).ok_or_else(|| "none is transport".to_owned())
    });
    let mut client = server.connect();
    let talks = |client: &mut Client| {
        let role = Role::UdpEcho { at: SocketAddr::from(([127, 0, 0, 1], 0)), datagrams: ROUNDS };
        let place = Place { uid: Some(70_001), ..Place::default() };
        let (echo, port) = Order::new(place, role).listen();
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let sends = vec![PAYLOAD];
        client.asks_for(&Role::UdpSend { to, rounds: ROUNDS, sends, segment: None });
        echo.success(MINUTE);
    };
    talks(&mut client);
    client.is_logged_in_as(user);
    talks(&mut client);
    let bytes = 2 * u64::from(ROUNDS) * (PAYLOAD + HEADERS) as u64;
    Bytes { up: bytes, down: bytes }
}
