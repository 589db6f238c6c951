//! Flows against a model that knows whose each byte is.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vpnmon_common::flow::flow;

use super::*;

const CAPACITY: u32 = 64;

fn visit(host: u32) -> Visit {
    Visit {
        host: format!("h{host}.example").into_bytes(),
        kind: Kind::Sni,
        service: HostService::Ssh,
        user: Some(format!("u{}", host % 3)),
    }
}

fn moved(flow: Flow, uplink: u64) -> FlowMoved {
    FlowMoved { flow, bytes: Bytes { uplink, downlink: 0 } }
}

#[derive(Clone, Debug)]
enum Step {
    /// A free row is claimed; whether its record comes only after some bytes.
    Claim { late: bool },
    /// One of the open flows moves so many bytes.
    Move(usize, u64),
    /// So many seconds go by, and what is due to be retired is over.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|late| Step::Claim { late }),
        5 => (any::<usize>(), 1..1000_u64).prop_map(|(flow, bytes)| Step::Move(flow, bytes)),
        1 => (0..400_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..600)
}

/// What a host got, and what it should have got.
type Sums = BTreeMap<Vec<u8>, u64>;

fn book(sums: &mut Sums, host: Vec<u8>, bytes: u64) {
    *sums.entry(host).or_default() += bytes;
}

proptest! {
    #[test]
    fn no_byte_is_of_another_host(steps in steps()) {
        let mut flows = Flows::new(CAPACITY);
        let mut free: Vec<u32> = (0..CAPACITY).collect();
        let (mut number, mut at) = (0, Duration::ZERO);
        // Open flows, the host of each, and whether that was told.
        let mut open: Vec<(Flow, u32, bool)> = Vec::new();
        let (mut truth, mut booked) = (Sums::new(), Sums::new());
        for step in steps {
            match step {
                Step::Claim { late } => {
                    let Some(row) = free.pop() else { continue };
                    number += 1;
                    let (flow, host) = (flow(number, row), u32::try_from(number).unwrap());
                    open.push((flow, host, !late));
                    if !late {
                        prop_assert_eq!(flows.told(flow, host % 3, Some(visit(host)), at), None);
                    }
                }
                Step::Move(which, bytes) => {
                    if open.is_empty() {
                        continue;
                    }
                    let which = which % open.len();
                    let (flow, host, is_told) = open[which];
                    book(&mut truth, visit(host).host, bytes);
                    if let Some((_, it)) = flows.moved(moved(flow, bytes), at) {
                        book(&mut booked, it.host, it.bytes.uplink);
                    } else {
                        prop_assert!(!is_told);
                        let early = flows.told(flow, host % 3, Some(visit(host)), at);
                        book(&mut booked, visit(host).host, early.unwrap().uplink);
                        open[which].2 = true;
                    }
                }
                Step::Wait(seconds) => {
                    at += Duration::from_secs(seconds);
                    let due: BTreeSet<_> = flows.due(at).into_iter().collect();
                    for flow in &due {
                        flows.over(*flow);
                        free.push(index(*flow));
                    }
                    let known = |(flow, ..): &(Flow, u32, bool)| !due.contains(flow);
                    open.retain(known);
                    let untold = open.iter().filter(|(.., is_told)| !is_told).count();
                    prop_assert!(flows.uses.len() + untold >= open.len());
                }
            }
            prop_assert!(flows.uses.len() <= CAPACITY as usize);
        }
        prop_assert_eq!(booked, truth);
    }

    #[test]
    fn shares_are_the_largest_that_fit(
        counts in prop::collection::vec(0..100_usize, 0..10),
        room in 0..400_usize,
    ) {
        let all = |share| counts.iter().map(|count| *count.min(&share)).sum::<usize>();
        let share = share(&counts, room);
        prop_assert!(all(share) <= room);
        let most = counts.iter().copied().max().unwrap_or(0);
        prop_assert!(share == most || all(share + 1) > room);
    }
}

#[test]
fn who_has_most_makes_room() {
    let mut flows = Flows::new(CAPACITY);
    let mut all = 0..;
    let mut claim = |flows: &mut Flows, slot: u32, count: u32, at: u64| {
        for row in all.by_ref().take(count as usize) {
            let at = Duration::from_secs(at);
            assert_eq!(flows.told(flow(1, row), slot, Some(visit(slot)), at), None);
        }
    };
    claim(&mut flows, 1, 10, 0);
    claim(&mut flows, 2, 51, 1);
    let due = flows.due(Duration::from_secs(2));
    // An eighth is to be free, and the one with ten is left alone.
    assert_eq!(due.len(), 61 - 56);
    assert!(due.iter().all(|flow| (10..61).contains(&index(*flow))));
    assert!(flows.due(Duration::from_secs(2)).is_empty(), "they are under way");
    // Long after, everything that stands still goes.
    assert_eq!(flows.due(Duration::from_secs(602)).len(), 56);
}

#[test]
fn a_flow_to_two_hosts_is_nobodys() {
    let (mut flows, at, flow) = (Flows::new(CAPACITY), Duration::ZERO, flow(3, 5));
    assert_eq!(flows.told(flow, 1, None, at), None);
    assert!(flows.moved(moved(flow, 7), at).is_none());
    let early = flows.told(flow, 1, Some(visit(1)), at);
    assert_eq!(early.map(|it| it.uplink), Some(7));
    assert_eq!(flows.told(flow, 1, Some(visit(1)), at), None);
    assert!(flows.moved(moved(flow, 1), at).is_some());
    assert_eq!(flows.told(flow, 1, Some(visit(2)), at), None);
    assert!(flows.moved(moved(flow, 1), at).is_none());
    // A record of a use that is over says nothing of the one that has its row.
    let later = vpnmon_common::flow::flow(4, 5);
    assert_eq!(flows.told(later, 1, Some(visit(4)), at), None);
    assert_eq!(flows.told(flow, 1, Some(visit(1)), at), None);
    let (_, bytes) = flows.moved(moved(later, 1), at).unwrap();
    assert_eq!(bytes.host, visit(4).host);
}
