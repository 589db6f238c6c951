//! The truth the other tests compare with, checked by itself: no agent runs here.

#![expect(clippy::print_stdout, reason = "the figures are worth reading")]

use std::time::Duration;

use vpnmon_tests::{
    cgroup::Cgroup,
    flow::{Flow, Kind},
    link::Link,
    machine::Machine,
    nft::Count,
    user::TestUser,
    witness::Witness,
};

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn counters_statistics_and_witness_agree() {
    let _machine = Machine::take();
    let cgroup = Cgroup::new("truth");
    let witness = Witness::attach(cgroup.path());
    let (user, peer) = (TestUser::new("user"), TestUser::new("peer"));
    let link = Link::new(1500, &[4001, 4002]);
    // 20 datagrams of 1000 bytes in one send: 52 rounds of 1028 bytes, exactly.
    let cut = Kind::Udp { rounds: 52, sends: vec![20_000], datagrams: 20, segment: Some(1000) };
    let stream = Kind::Tcp { up: 4_000_000, down: 9_000_000, write: 1 << 18 };
    for (port, v6, kind) in [(4001, false, cut), (4002, true, stream)] {
        Flow { user: &user, port, v6, kind }.start(&link, cgroup.path(), &peer).finish(MINUTE);
    }

    let udp = Count { bytes: 52 * 20 * 1028, packets: 52 * 20 };
    assert_eq!(link.flow(4001), (udp, udp));
    let (up, down) = link.flow(4002);
    println!("{up:?} {down:?}, other {:?}", link.other());
    // IPv6 and TCP headers with timestamps on every packet; more only for retransmissions.
    assert!(up.bytes > 4_000_000 + 72 * up.packets, "{up:?}");
    assert!(down.bytes > 9_000_000 + 72 * down.packets, "{down:?}");
    link.adds_up();
    let (sent, received) = (witness.egress(), witness.ingress());
    assert_eq!(sent.wire_bytes, up.bytes + udp.bytes);
    assert_eq!(received.wire_bytes, down.bytes + udp.bytes);
    assert!(sent.buffers < sent.wire_packets, "no super-packets: {sent:?}");
}
