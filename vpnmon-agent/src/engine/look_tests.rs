//! What is asked for of many accounts and hosts.

use std::time::Duration;

use jiff::civil::Date;

use super::*;
use crate::{
    engine::{Restored, Settings},
    event::Event,
    hosts,
    model::{
        AccountKey, Service,
        order::HostSort,
        sighting::{Direction, HostBytes, HostService, Kind, Sighting},
    },
    users::Users,
};

const MIB: u64 = 1 << 20;

fn now() -> Now {
    let today = Date::constant(2026, 11, 24);
    Now { unix_seconds: 1_795_518_547, today, monotonic: Duration::from_secs(1) }
}

/// Accounts with usage and total limit in MiB.
fn engine(accounts: &[(Service, &str, u64, u64)]) -> Engine {
    let settings = Settings::of_tests("boot/1/uplink");
    let mut engine = Engine::new(settings, Users::default(), Restored::default(), now());
    for (service, name, used, limit) in accounts {
        let id = engine.ledger.open(&AccountKey::new(*service, *name), now());
        engine.ledger.amend(id, |record| {
            record.baseline_usage = used * MIB;
            record.total_limit = limit * MIB;
            record.is_disabled = *name == "dan";
        });
    }
    engine
}

fn people() -> Engine {
    engine(&[
        (Service::Ssh, "cleo", 85, 100),
        (Service::Vless, "amy", 5, 0),
        (Service::Ssh, "dan", 7, 50),
        (Service::Ssh, "ben", 100, 100),
    ])
}

fn names(engine: &Engine, page: Page<SortKey>) -> (usize, Vec<String>) {
    let screen = engine.look(&Look::Accounts(page), now()).unwrap();
    let Shown::Accounts(rows) = screen.shown else { panic!("{:?}", screen.shown) };
    (rows.matching, rows.rows.into_iter().map(|account| account.name).collect())
}

#[test]
fn accounts_come_in_the_order_asked_for() {
    let engine = people();
    for (sort, expected) in [
        (SortKey::Name, "amy ben cleo dan"),
        (SortKey::Service, "ben cleo dan amy"),
        (SortKey::Total, "ben cleo dan amy"),
        (SortKey::Left, "ben cleo dan amy"),
        (SortKey::State, "dan ben cleo amy"),
        // Nobody moves: by usage.
        (SortKey::Down, "ben cleo dan amy"),
        (SortKey::Up, "ben cleo dan amy"),
        (SortKey::Today, "ben cleo dan amy"),
    ] {
        let page = |is_reverse| Page { sort, is_reverse, rows: 10, ..Page::default() };
        let expected: Vec<_> = expected.split(' ').map(str::to_owned).collect();
        assert_eq!(names(&engine, page(false)), (4, expected.clone()), "{sort:?}");
        let reversed = expected.into_iter().rev().collect();
        assert_eq!(names(&engine, page(true)), (4, reversed), "{sort:?}");
    }
}

#[test]
fn only_what_is_asked_for_comes() {
    let engine = people();
    let page = Page { find: "SSH".to_owned(), offset: 1, rows: 1, ..Page::default() };
    assert_eq!(names(&engine, page), (3, vec!["cleo".to_owned()]));
    let page = Page { find: "nobody".to_owned(), rows: 5, ..Page::default() };
    assert_eq!(names(&engine, page), (0, Vec::new()));
}

#[test]
fn the_sums_are_of_all() {
    let look = Look::Accounts(Page { find: "amy".to_owned(), rows: 1, ..Page::default() });
    let totals = people().look(&look, now()).unwrap().totals;
    let expected = Totals { accounts: 4, warning: 1, exceeded: 1, disabled: 1, ..totals };
    assert_eq!(totals, expected);
    // Before the first second is over nobody knows.
    assert_eq!((totals.online, totals.uplink_bps, totals.downlink_bps), (0, None, None));
}

fn sighting(host: &str, at: u64) -> Sighting {
    Sighting {
        at,
        host: host.as_bytes().to_vec(),
        kind: Kind::Sni,
        direction: Direction::Egress,
        service: HostService::Ssh,
        user: Some("cleo".to_owned()),
        source_ip: None,
        dest: None,
    }
}

#[test]
fn hosts_come_as_they_were_seen() {
    let mut engine = people();
    let settings = hosts::Settings { enabled: true, max_hosts: 100, max_flows: 64 };
    engine.open_hosts(settings, hosts::Restored::default(), Vec::new(), now());
    let seen: Vec<_> =
        (0..30).map(|number| sighting(&format!("h{number}.example"), number)).collect();
    let _commands = engine.handle(Event::Sightings(seen), now());
    let page =
        Page { sort: HostSort::Last, find: "EXAMPLE".to_owned(), rows: 2, ..Page::default() };
    let screen = engine.look(&Look::Hosts(page), now()).unwrap();
    let Shown::Hosts(rows) = screen.shown else { panic!("{:?}", screen.shown) };
    let names: Vec<_> = rows.rows.iter().map(|host| host.host.as_str()).collect();
    assert_eq!((rows.matching, names), (30, vec!["h29.example", "h28.example"]));
    let look = Look::Account { account: "ssh:cleo".to_owned(), hosts: 3 };
    let screen = engine.look(&look, now()).unwrap();
    let Shown::Account { account, hosts } = screen.shown else { panic!("{:?}", screen.shown) };
    assert_eq!((account.name.as_str(), hosts.matching, hosts.rows.len()), ("cleo", 30, 3));
    assert_eq!(hosts.rows[0].host, "h29.example");
    let nobody = Look::Account { account: "nobody".to_owned(), hosts: 3 };
    assert_eq!(engine.look(&nobody, now()), Err(NoAnswer::Unknown("nobody".to_owned())));
}

#[test]
fn what_went_to_no_host_has_a_row_too() {
    let mut engine = people();
    let settings = hosts::Settings { enabled: true, max_hosts: 5000, max_flows: 64 };
    engine.open_hosts(settings, hosts::Restored::default(), Vec::new(), now());
    let seen = (0..4099).map(|number| sighting(&format!("h{number}.example"), 1)).collect();
    let _commands = engine.handle(Event::Sightings(seen), now());
    let moved = |engine: &mut Engine, service, name: &str, uplink| {
        let id = engine.ledger.open(&AccountKey::new(service, name), now());
        engine.ledger.amend(id, |record| record.bytes = Bytes { uplink, downlink: 0 });
    };
    moved(&mut engine, Service::Ssh, "cleo", 70);
    moved(&mut engine, Service::Vless, "amy", 900);
    moved(&mut engine, Service::System, TRANSPORT, 8000);
    let (host, user) = (b"h1.example".to_vec(), Some("cleo".to_owned()));
    let bytes = Bytes { uplink: 20, downlink: 0 };
    let to_host = HostBytes { host, kind: Kind::Sni, service: HostService::Ssh, user, bytes };
    engine.hosts.moved(&to_host);
    let look = |find: &str| {
        let page =
            Page { sort: HostSort::Bytes, find: find.to_owned(), rows: 2, ..Page::default() };
        let screen = engine.look(&Look::Hosts(page), now()).unwrap();
        let Shown::Hosts(rows) = screen.shown else { panic!("{:?}", screen.shown) };
        let rows = rows.rows.into_iter().map(|row| (row.host, row.uplink, row.count));
        (screen.totals.hosts, rows.collect::<Vec<_>>())
    };
    let row = |host: &str, uplink, count| (host.to_owned(), uplink, count);
    let (other, not_taken) = (row("*other*", Some(50), 0), row("*overflow*", None, 3));
    assert_eq!(look(""), (4096, vec![other.clone(), row("h1.example", Some(20), 1)]));
    assert_eq!(look("*"), (4096, vec![other, not_taken.clone()]));
    assert_eq!(look("*overflow*").1, [not_taken]);
}
