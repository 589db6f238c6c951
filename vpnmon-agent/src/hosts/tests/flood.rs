//! Bounds: whoever brings too many names takes nobody else's room.

use super::*;

#[test]
fn the_oldest_goes_first() {
    let mut hosts = hosts(3);
    for (seconds, name) in ["a", "b", "c", "a", "d"].iter().enumerate() {
        see(&mut hosts, &visit(name, Some("alice"), seconds as u64));
    }
    assert_eq!(all(&hosts), "a c d");
}

#[test]
fn a_start_with_less_room_keeps_the_youngest() {
    let host = |name: &str, last_seen, is_manual| Host {
        is_manual,
        last_seen,
        ..Host::new(name.into(), false, 0)
    };
    let mut restored: Vec<_> =
        vec![host("a", 9, false), host("b", 1, true), host("c", 3, false), host("d", 5, false)];
    restored.iter_mut().zip(1..).for_each(|(host, number)| host.number = number);
    let mut hosts = hosts(3);
    hosts.restore(Restored { hosts: restored, ..Restored::default() }, at(0));
    assert_eq!(all(&hosts), "a b d");
    // And the oldest of those goes next, whatever its place in the file.
    see(&mut hosts, &visit("e", None, 1));
    assert_eq!(all(&hosts), "a b e");
}

#[test]
fn an_admins_host_stays() {
    let mut hosts = hosts(2);
    let line = |host: &str| Line {
        host: host.to_owned(),
        service: String::new(),
        source_ip: None,
        seen: START,
    };
    see(&mut hosts, &visit("a", None, 0));
    assert_eq!(hosts.add(&line("a")), Ok(true));
    assert_eq!(hosts.add(&line("a")), Ok(false));
    for name in ["b", "c", "d"] {
        see(&mut hosts, &visit(name, None, 1));
    }
    assert_eq!(all(&hosts), "a d");
    assert_eq!(hosts.add(&line("m")), Ok(true));
    assert_eq!(hosts.add(&line("n")), Err(()));
    assert_eq!(see(&mut hosts, &visit("e", None, 2)), None);
    assert_eq!(hosts.lost().get("table-full"), Some(&1));
    assert_eq!(all(&hosts), "a m");
    let by_hand = row(&hosts, "m", &HostFilter::default());
    assert_eq!((by_hand.service.as_str(), by_hand.kind, by_hand.count), ("MANUAL", None, 0));
}

/// Bytes of memory that the process has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_flood_costs_no_honest_user_a_name() {
    const FLOOD: u64 = 200_000;
    let mut hosts = hosts(100_000);
    let share = hosts.table.share() as u64;
    let before = resident();
    for n in 0..FLOOD {
        // Each a second apart would not be a flood: a hundred thousand a minute is.
        see(&mut hosts, &visit(format!("{n:x}.flood.example"), Some("eve"), n / 10_000));
        if n % 1000 == 0 {
            let honest = visit(format!("{n}.honest.example"), Some("alice"), n / 10_000);
            assert!(see(&mut hosts, &honest).is_some(), "{n}");
            let client = Sighting {
                direction: Direction::Ingress,
                source_ip: address("198.51.100.7"),
                ..visit(format!("{n}.client.example"), None, n / 10_000)
            };
            assert!(see(&mut hosts, &client).is_some(), "{n}");
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 96 << 20, "{grown} bytes more");
    assert_eq!(hosts.table.len() as u64, share + 400);
    assert_eq!(hosts.lost().get("source-full"), Some(&(FLOOD - share)));
    let overflow = row(&hosts, "*overflow*", &of_user("eve"));
    assert_eq!((overflow.count, overflow.odd), (FLOOD - share, true));
    assert_eq!(names(&hosts, &of_user("alice")).split(' ').count(), 200);
    // Later on it gets new names again, in the place of its own old ones.
    assert!(see(&mut hosts, &visit("late.example", Some("eve"), 200)).is_some());
    assert_eq!(hosts.table.len() as u64, share + 400);
}

#[test]
fn clients_with_forged_addresses_have_half_of_all() {
    let mut hosts = hosts(20_000);
    for n in 0..100 {
        see(&mut hosts, &visit(format!("{n}.honest.example"), Some("alice"), 0));
    }
    for n in 0..50_000u32 {
        let source_ip = Some(IpAddr::V4(n.into()));
        let forged = Sighting { source_ip, ..visit(format!("{n}.forged.example"), None, 1) };
        assert!(see(&mut hosts, &forged).is_some());
    }
    assert_eq!(names(&hosts, &of_user("alice")).split(' ').count(), 100);
    assert_eq!(hosts.table.len(), 10_100);
}

#[test]
fn a_v6_client_has_one_share_for_its_net() {
    let mut hosts = hosts(100_000);
    let share = hosts.table.share() as u64;
    for n in 0..share + 7 {
        let client = Sighting {
            source_ip: address(&format!("2001:db8:1:2::{:x}", n % 0xffff)),
            ..visit(format!("{n}.example"), None, 0)
        };
        see(&mut hosts, &client);
    }
    assert_eq!(hosts.lost().get("source-full"), Some(&7));
}

#[test]
fn a_disk_that_takes_nothing_costs_bounded_memory() {
    let mut hosts = hosts(10);
    for n in 0..70_000 {
        see(&mut hosts, &visit("a.example", None, n / 10_000));
    }
    let lost = hosts.lost().get("disk").copied();
    assert_eq!(lost, Some(70_000 - 65_536));
    let batch = hosts.due(at(9), false, false);
    see(&mut hosts, &visit("b.example", None, 9));
    hosts.failed(batch);
    let batch = hosts.due(at(9), false, false);
    assert_eq!(batch.seen.len(), 65_536);
    assert_eq!(batch.seen.last().unwrap().host, "b.example");
}
