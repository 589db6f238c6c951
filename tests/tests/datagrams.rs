//! Names in datagrams, of users and of tunnel clients, and the bytes of what they name.

use std::{net::SocketAddr, process as this, time::Duration};

use vpnmon_tests::{
    agent::Agent,
    datagram::{INITIAL, INITIAL_NAME, question},
    gateway::{Gateway, TUNNEL, internet},
    home::Home,
    link::Link,
    machine::Machine,
    order::{Order, Place, Role},
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
};

const MINUTE: Duration = Duration::from_mins(1);

/// What a QUIC client says first, and what may follow.
fn connection() -> Vec<Vec<u8>> {
    let first = [INITIAL.to_vec()];
    first.into_iter().chain((1..30).map(|number| vec![0x55; number * 40])).collect()
}

/// Says `datagrams` to `to`, where they are echoed.
fn talk(near: Place, far: Place, to: SocketAddr, datagrams: Vec<Vec<u8>>) {
    let count = u32::try_from(datagrams.len()).unwrap_or(0);
    let (echo, _) = Order::new(far, Role::UdpEcho { at: to, datagrams: count }).listen();
    Order::new(near, Role::UdpSay { to, datagrams }).start().success(MINUTE);
    echo.success(MINUTE);
}

/// Waits until `host` has `bytes` of the account, and nothing else has any.
fn has_all(home: &Home, account: &str, host: &str, bytes: Bytes) {
    assert!(bytes.up > 0 && bytes.down > 0, "{bytes:?}");
    wait_for("the host's bytes", SOON, || {
        let mut hosts = home.host_bytes(account);
        hosts.retain(|_, bytes| *bytes != Bytes::default());
        equal(hosts, &[(host.to_owned(), bytes)].into()).map(drop)
    });
}

#[test]
fn a_quic_connection_is_its_hosts_from_the_first_byte_on() {
    let _machine = Machine::take();
    let (user, peer, link) =
        (TestUser::new("user"), TestUser::new("peer"), Link::new(1500, &[4433]));
    let home = Home::new("");
    let agent = Agent::start(&home);
    let ends = [(&user, &link.near), (&peer, &link.far)];
    let [near, far] = ends.map(|(user, end)| Place::of(user).netns(&end.name));
    talk(near, far, (Link::far_address(false), 4433).into(), connection());
    let (up, down) = link.flow(4433);
    let wire = Bytes { up: up.bytes, down: down.bytes };
    agent.reaches(&user.name, wire);
    has_all(&home, &user.name, INITIAL_NAME, wire);
    let _ = agent.terminate();
}

#[test]
fn a_tunnel_client_is_heard_asking_and_connecting() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[]);
    let home = Home::new("[forward]\nnames = { '10.8.0.2' = 'alice', 'fd00:8::/64' = 'bob' }");
    let agent = gateway.agent(&home);
    let near = || Place::of(&user).netns(&gateway.client.name);
    // Ports of servers are root's.
    let far = || Place::default().netns(&gateway.link.far.name);
    for (counter, name, v6) in [("v4", "alice", false), ("v6", "bob", true)] {
        talk(near(), far(), internet(443, v6), connection());
        let (sent, received) = gateway.carried(counter);
        let wire = Bytes { up: sent.bytes, down: received.bytes };
        agent.reaches_in("forward", name, wire);
        has_all(&home, &format!("forward:{name}"), INITIAL_NAME, wire);
        let asked = format!("www.{name}{}.example", this::id());
        talk(near(), far(), internet(53, v6), vec![question(&asked)]);
        let expected = [("quic-sni", INITIAL_NAME), ("dns", &asked)];
        wait_for("what the client has said", SOON, || {
            let rows = home.host_events().into_iter();
            let rows = rows.filter(|row| row["user"] == name && row["direction"] == "forward");
            let said = rows.map(|row| (row["kind"].clone(), row["host"].clone()));
            equal(said.collect(), &expected.map(|(a, b)| (a.into(), b.into())).to_vec()).map(drop)
        });
    }
    let _ = agent.terminate();
}

#[test]
fn what_comes_in_fragments_is_counted_and_not_guessed_at() {
    let _machine = Machine::take();
    let user = TestUser::new("user");
    let gateway = Gateway::new(&[]);
    let home = Home::new("[forward]\nnames = { '10.8.0.2' = 'alice' }");
    let agent = gateway.agent(&home);
    let near = || Place::of(&user).netns(&gateway.client.name);
    let far = || Place::default().netns(&gateway.link.far.name);
    gateway.client.ip(&["link", "set", TUNNEL, "mtu", "800"]);
    // The other one would tell no name in one piece either.
    let datagrams = vec![INITIAL.to_vec(), vec![0x55; INITIAL.len()]];
    talk(near(), far(), internet(443, false), datagrams);
    let asked = format!("last.{}.example", this::id());
    talk(near(), far(), internet(53, false), vec![question(&asked)]);
    wait_for("the fragments", SOON, || {
        let rows = home.host_events().into_iter().filter(|row| row["user"] == "alice");
        let hosts: Vec<_> = rows.map(|row| row["host"].clone()).collect();
        let reasons = agent.status().agent.lost.host_flow_reasons;
        equal((hosts, reasons.get("fragment").copied()), &(vec![asked.clone().into()], Some(1)))
            .map(drop)
    });
    let (sent, received) = gateway.carried("v4");
    agent.reaches_in("forward", "alice", Bytes { up: sent.bytes, down: received.bytes });
    let _ = agent.terminate();
}
