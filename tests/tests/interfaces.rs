//! What interfaces carry is what their devices say, and all of it is explained.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::time::Duration;

use vpnmon_tests::{
    agent::Agent,
    cgroup::Cgroup,
    flow::{Flow, Kind},
    gateway::{Gateway, TUNNEL, internet},
    home::Home,
    link::{DEVICE, ETHERNET_HEADER, received, statistics},
    machine::Machine,
    nft::NftWire,
    order::{Exchange, Order, Place, Role},
    process::Process,
    status::Bytes,
    user::TestUser,
    wait::{SOON, equal, wait_for},
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);

/// The devices of a gateway, and what on them is no IP.
struct Devices<'a> {
    gateway: &'a Gateway,
    arp: [NftWire; 2],
}

impl<'a> Devices<'a> {
    fn new(gateway: &'a Gateway) -> Self {
        let rule = [("no_ip".to_owned(), "meta protocol arp".to_owned())];
        let count = |end| NftWire::load_as("frames", end, DEVICE, &rule);
        Self { gateway, arp: [count(&gateway.link.near), count(&gateway.link.far)] }
    }

    /// IP bytes that the server has sent and received over the wire.
    fn wire(&self) -> Bytes {
        let ip = |end, arp: &NftWire| {
            let count = received(end, DEVICE);
            count.bytes - ETHERNET_HEADER * count.packets - arp.counts()["no_ip"].bytes
        };
        let (link, [near, far]) = (&self.gateway.link, &self.arp);
        Bytes { up: ip(&link.far, far), down: ip(&link.near, near) }
    }

    /// The same for the tunnel, which has no frames. What came before it was up is dropped.
    fn tunnel(&self) -> Bytes {
        let ip = |end| statistics(end, TUNNEL).0.bytes;
        Bytes { up: ip(&self.gateway.client), down: ip(&self.gateway.link.near) }
    }

    /// What devices and agent say of a moment in which nothing is on its way: the same twice, since
    /// the agent looks for what is nobody's a drain later.
    fn quiet(&self, agent: &Agent<'_>) -> Moment {
        let look = || {
            let status = agent.status();
            let row = |device| status.interfaces.iter().find(|row| row.name == device);
            let metered = [DEVICE, TUNNEL].map(|device| {
                row(device)
                    .map_or_else(Bytes::default, |row| Bytes { up: row.egress, down: row.ingress })
            });
            let lost = status.agent.lost.unattributed_bytes.unwrap_or_default();
            Moment { devices: [self.wire(), self.tunnel()], metered, lost }
        };
        wait_for("a quiet moment", SOON, || equal(look(), &look()))
    }
}

/// Bytes of the wire and of the tunnel, and what is nobody's of what is metered.
#[derive(Debug, PartialEq)]
struct Moment {
    devices: [Bytes; 2],
    metered: [Bytes; 2],
    lost: u64,
}

fn minus(after: Bytes, before: Bytes) -> Bytes {
    Bytes { up: after.up - before.up, down: after.down - before.down }
}

fn total(bytes: Bytes) -> u64 {
    bytes.up + bytes.down
}

/// Short connections of a user here that close as most programs do: each leaves a TIME_WAIT socket.
fn short_connections(
    gateway: &Gateway,
    cgroup: &Cgroup,
    user: &TestUser,
    peer: &TestUser,
) -> [Process; 2] {
    let exchange = Exchange {
        send: 20_000,
        receive: Some(60_000),
        write: 10_000,
        closes_first: true,
        progress: None,
    };
    let (at, connections) = (internet(4010, false), 100);
    let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections };
    let far = Place::of(peer).netns(&gateway.link.far.name);
    let (listener, _) = Order::new(far, serve).listen();
    let here = Place::of(user).netns(&gateway.link.near.name).cgroup(cgroup.path());
    let many = Role::TcpMany { to: at, exchange, connections };
    [Order::new(here, many).start(), listener]
}

fn forwarded(gateway: &Gateway, peer: &TestUser, port: u16, v6: bool) -> [Process; 2] {
    let exchange = Exchange {
        send: 10_000_000,
        receive: Some(10_000_000),
        write: 100_000,
        closes_first: port.is_multiple_of(2),
        progress: None,
    };
    let at = internet(port, v6);
    let serve = Role::TcpListen { at, exchange: exchange.mirrored(), connections: 1 };
    let far = Place::of(peer).netns(&gateway.link.far.name);
    let (listener, _) = Order::new(far, serve).listen();
    let connect = Role::TcpConnect { to: at, exchange, retry: false };
    [Order::new(Place::of(peer).netns(&gateway.client.name), connect).start(), listener]
}

#[test]
fn a_busy_mix_is_explained_to_the_byte() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("mix");
    let [a, b, c, peer] = ["a", "b", "c", "peer"].map(TestUser::new);
    let gateway = Gateway::new(&[4001, 4002, 4003, 4010, 4020, 4021]);
    let home = Home::new(&format!(
        "[meter]\ncgroup = '{}'\n[forward]\nnames = {{ '10.8.0.0/24' = 'vpn', 'fd00:8::/64' = 'vpn' }}",
        cgroup.path().display()
    ));
    let agent = gateway.agent(&home);
    let witness = Witness::attach(cgroup.path());
    let devices = Devices::new(&gateway);
    let before = devices.quiet(&agent);

    let kinds = [
        (4001, false, Kind::Tcp { up: 10_000_000, down: 5_000_000, write: 200_000 }),
        (4002, true, Kind::Tcp { up: 5_000_000, down: 10_000_000, write: 200_000 }),
        (
            4003,
            false,
            Kind::Udp { rounds: 200, sends: vec![1400, 1, 700], datagrams: 3, segment: None },
        ),
    ];
    let flows = [&a, &b, &c].into_iter().zip(kinds);
    let running: Vec<_> = flows
        .map(|(user, (port, v6, kind))| {
            Flow { user, port, v6, kind }.start(&gateway.link, cgroup.path(), &peer)
        })
        .collect();
    let others = [
        short_connections(&gateway, &cgroup, &a, &peer),
        forwarded(&gateway, &peer, 4020, false),
        forwarded(&gateway, &peer, 4021, true),
    ];
    for flow in running {
        flow.finish(MINUTE);
    }
    for process in others.into_iter().flatten() {
        process.success(MINUTE);
    }

    // The last acknowledgements come when the programs have ended, and the last bytes are looked at
    // again a drain later.
    let (sockets, vpn) = wait_for("a sum that is explained", SOON, || {
        let (v4, v6) = (gateway.carried("v4"), gateway.carried("v6"));
        let vpn = Bytes { up: v4.0.bytes + v6.0.bytes, down: v4.1.bytes + v6.1.bytes };
        let sockets = Bytes { up: witness.egress().wire_bytes, down: witness.ingress().wire_bytes };
        let after = devices.quiet(&agent);
        let since = |now: [Bytes; 2], then: [Bytes; 2]| [0, 1].map(|at| minus(now[at], then[at]));
        let metered = since(after.metered, before.metered);
        equal(metered, &since(after.devices, before.devices))?;
        let carried: u64 = metered.into_iter().map(total).sum();
        let lost = after.lost - before.lost;
        equal(total(sockets) + 2 * total(vpn) + lost, &carried)?;
        println!(
            "carried {carried} = sockets {} + 2 x forward {} + unattributed {lost} ({:.4} %)",
            total(sockets),
            total(vpn),
            100.0 * to_f64(lost) / to_f64(carried)
        );
        assert!(lost * 1000 < carried, "too much is nobody's");
        Ok((sockets, vpn))
    });
    agent.reaches_in("forward", "vpn", vpn);
    let rows = agent.status().accounts.into_iter().filter(|row| row.service != "forward");
    let rows: Bytes = rows.fold(Bytes::default(), |sum, row| Bytes {
        up: sum.up + row.uplink,
        down: sum.down + row.downlink,
    });
    assert_eq!(rows, sockets);
    let _ = agent.terminate();
}

#[expect(clippy::cast_precision_loss, reason = "for a percentage")]
const fn to_f64(bytes: u64) -> f64 {
    bytes as f64
}
