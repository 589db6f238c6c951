//! What is known of each host.

use super::*;
use crate::hosts::keep::LogChange;

#[test]
fn a_host_seen_again_is_one_row() {
    let mut hosts = hosts(10);
    for (name, seconds) in [("A.example", 1), ("a.example.", 5), ("a.example:443", 3)] {
        assert!(see(&mut hosts, &visit(name, Some("alice"), seconds)).is_some());
    }
    let row = row(&hosts, "a.example", &HostFilter::default());
    assert_eq!((row.count, row.service.as_str(), row.user.as_deref()), (3, "SSH", Some("alice")));
    assert_eq!(row.first_seen, Some(rfc3339(START + 1)));
    assert_eq!(row.last_seen, Some(rfc3339(START + 5)));
    assert_eq!((row.uplink, row.downlink, row.odd), (None, None, false));
    assert_eq!(hosts.list(&HostFilter::default()).len(), 1);
}

#[test]
fn filters_see_their_own_visits_alone() {
    let mut hosts = hosts(10);
    see(&mut hosts, &visit("a.example", Some("alice"), 1));
    see(&mut hosts, &visit("a.example", Some("bob"), 2));
    let dns = Sighting { kind: Kind::Dns, ..visit("a.example", Some("bob"), 3) };
    see(&mut hosts, &dns);
    let vless = Sighting { service: HostService::Vless, ..visit("b.example", Some("bob"), 4) };
    see(&mut hosts, &vless);
    assert_eq!(all(&hosts), "a.example b.example");
    assert_eq!(names(&hosts, &of_user("bob")), "a.example b.example");
    assert_eq!(names(&hosts, &of_user("alice")), "a.example");
    assert_eq!(names(&hosts, &of_user("carol")), "");
    let service = HostFilter { service: Some("vless".to_owned()), ..HostFilter::default() };
    assert_eq!(names(&hosts, &service), "b.example");
    let kind = HostFilter { kind: Some(Kind::Dns), ..of_user("bob") };
    assert_eq!(names(&hosts, &kind), "a.example");
    assert_eq!(row(&hosts, "a.example", &HostFilter::default()).count, 3);
    let bobs = row(&hosts, "a.example", &of_user("bob"));
    assert_eq!((bobs.count, bobs.kind, bobs.user.as_deref()), (2, Some(Kind::Sni), Some("bob")));
}

#[test]
fn who_only_asked_makes_room_for_who_went_there() {
    let mut hosts = hosts(10);
    let asked =
        Sighting { kind: Kind::Dns, service: HostService::System, ..visit("a.example", None, 1) };
    see(&mut hosts, &asked);
    assert_eq!(row(&hosts, "a.example", &HostFilter::default()).kind, Some(Kind::Dns));
    let _ = hosts.due(at(1), false, false);
    let went =
        Sighting { source_ip: address("198.51.100.7"), ..visit("a.example", Some("bob"), 2) };
    see(&mut hosts, &went);
    let row = row(&hosts, "a.example", &HostFilter::default());
    assert_eq!((row.kind, row.service.as_str()), (Some(Kind::Sni), "SSH"));
    assert_eq!((row.user.as_deref(), row.source_ip), (Some("bob"), address("198.51.100.7")));
    assert!(matches!(hosts.due(at(2), false, false).log, LogChange::Replace(_)));
}

#[test]
fn the_clients_address_may_come_later() {
    let mut hosts = hosts(10);
    see(&mut hosts, &visit("a.example", Some("bob"), 1));
    let known =
        Sighting { source_ip: address("198.51.100.7"), ..visit("a.example", Some("bob"), 2) };
    see(&mut hosts, &known);
    let other = Sighting { source_ip: address("192.0.2.9"), ..visit("a.example", Some("eve"), 3) };
    see(&mut hosts, &other);
    let row = row(&hosts, "a.example", &HostFilter::default());
    assert_eq!(row.source_ip, address("198.51.100.7"));
}

#[test]
fn the_server_itself_is_no_captured_host() {
    let mut hosts = hosts(10);
    see(&mut hosts, &visit("vpn.example", None, 0));
    see(&mut hosts, &visit("a.example", None, 0));
    hosts.set_own_names(vec!["vpn.example".to_owned(), "203.0.113.9".to_owned()]);
    assert_eq!(all(&hosts), "a.example");
    for name in
        ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:443", "VPN.example.", "203.0.113.9"]
    {
        assert_eq!(see(&mut hosts, &visit(name, None, 1)), None, "{name}");
    }
    assert!(see(&mut hosts, &visit("www.vpn.example", None, 1)).is_some());
    assert!(hosts.lost().is_empty());
}

#[test]
fn odd_names_are_kept_out_of_the_log() {
    let mut hosts = hosts(10);
    let event = see(&mut hosts, &visit("evil\nb.example|SSH|1.2.3.4|x", None, 0)).unwrap();
    assert_eq!(event.host, r"evil\x0ab.example\|ssh\|1.2.3.4\|x");
    assert!(event.odd && hosts.list(&HostFilter::default())[0].odd);
    let batch = hosts.due(at(0), false, false);
    assert_eq!((batch.seen.len(), batch.log), (1, LogChange::None));
    assert_eq!(see(&mut hosts, &visit("", None, 0)), None);
    assert_eq!(see(&mut hosts, &visit([b'a'; 254], None, 0)), None);
    assert_eq!(hosts.lost().iter().map(|it| *it.0).collect::<Vec<_>>(), ["empty", "too-long"]);
    assert!(hosts.remove(&event.host).is_some());
}

#[test]
fn what_is_off_takes_nothing() {
    let mut hosts = hosts(10);
    assert!(hosts.switch(false));
    assert!(!hosts.switch(false));
    assert_eq!(see(&mut hosts, &visit("a.example", None, 0)), None);
    assert!(hosts.switch(true));
    assert!(see(&mut hosts, &visit("a.example", None, 0)).is_some());
}

#[test]
fn a_config_that_is_newer_than_the_command_holds() {
    for (by_command, config, expected) in
        [(None, true, true), (None, false, false), (Some((false, true)), true, false)]
            .into_iter()
            .chain([(Some((true, false)), false, true), (Some((false, true)), false, false)])
            .chain([(Some((true, false)), true, true)])
    {
        let mut hosts = Hosts::new(Settings { enabled: config, max_hosts: 1, max_flows: 64 });
        let switched = by_command.map(|(on, config)| Switched { on, config });
        hosts.restore(Restored { switched, ..Restored::default() }, at(0));
        assert_eq!(hosts.is_on(), expected, "{by_command:?} {config}");
    }
}

#[test]
fn bytes_go_to_the_host_and_to_who_moved_them() {
    let mut hosts = hosts(10);
    see(&mut hosts, &visit("a.example", Some("alice"), 1));
    see(&mut hosts, &visit("a.example", Some("bob"), 2));
    let mut moved = |host: &str, user: &str, uplink| {
        let (host, user) = (host.as_bytes().to_vec(), Some(user.to_owned()));
        let bytes = Bytes { uplink, downlink: 10 * uplink };
        let (kind, service) = (Kind::Sni, HostService::Ssh);
        hosts.moved(&HostBytes { host, kind, service, user, bytes });
    };
    moved("A.example:443", "alice", 1);
    moved("a.example", "bob", 2);
    moved("a.example", "bob", 4);
    moved("b.example", "bob", 8);
    let uplink = |filter: &HostFilter| row(&hosts, "a.example", filter).uplink;
    assert_eq!(uplink(&HostFilter::default()), Some(7));
    assert_eq!((uplink(&of_user("alice")), uplink(&of_user("bob"))), (Some(1), Some(6)));
    let shown = |hosts: &Hosts| -> Vec<_> {
        let bobs = hosts.of_account(&account("bob", 14, 140));
        bobs.into_iter().map(|row| (row.host, row.uplink, row.downlink)).collect()
    };
    let row = |host: &str, up, down| (host.to_owned(), up, down);
    let expected = [row("a.example", Some(6), Some(60)), row("*other*", Some(8), Some(80))];
    assert_eq!(shown(&hosts), expected);
    hosts.forget_bytes(Service::Ssh, "bob");
    let expected = [row("a.example", None, None), row("*other*", Some(14), Some(140))];
    assert_eq!(shown(&hosts), expected);
    assert_eq!(self::row(&hosts, "a.example", &HostFilter::default()).uplink, Some(1));
}

#[test]
fn what_is_removed_is_new_again() {
    let mut hosts = hosts(10);
    see(&mut hosts, &visit("a.example", None, 1));
    see(&mut hosts, &visit("b.example", None, 1));
    assert_eq!(hosts.remove("A.example.:443").as_deref(), Some("a.example"));
    assert_eq!(hosts.remove("a.example"), None);
    see(&mut hosts, &visit("a.example", None, 9));
    assert_eq!(row(&hosts, "a.example", &HostFilter::default()).count, 1);
    assert_eq!(hosts.clear(), 2);
    assert_eq!(all(&hosts), "");
    assert!(!hosts.is_kept());
}
