//! Addresses, names and restarts of tunnel clients.

use std::net::IpAddr;

use jiff::civil::Date;
use vpnmon_common::owner::Owner;

use crate::{
    engine::{Engine, Restored, Settings},
    event::{Claimed, Client, Command, Counter, Event, Now, Reading},
    model::Bytes,
    network::Names,
    time::local_date,
    users::Users,
};

const EPOCH: &str = "boot/1/uplink";

fn now() -> Now {
    let today = Date::constant(2026, 11, 24);
    Now { unix_seconds: 1_795_500_000, today, monotonic: std::time::Duration::ZERO }
}

fn engine(restored: Restored, names: &[(&str, &str)]) -> Engine {
    let settings = Settings::of_tests(EPOCH);
    let mut engine = Engine::new(settings, Users::default(), restored, now());
    engine.handle(Event::Names(called(names)), now());
    engine
}

fn called(names: &[(&str, &str)]) -> Names {
    let names = names.iter().map(|(prefix, name)| (prefix.parse().unwrap(), (*name).to_owned()));
    Names::new(names.collect(), Vec::new())
}

/// Slots from 300 on hold 10.8.0.2 and the next addresses; `counters` are what they stand at.
fn drain(engine: &mut Engine, is_first: bool, counters: &[u64]) -> Vec<Command> {
    let slots = (300..).zip(counters);
    let each: Vec<_> = slots.map(|(slot, bytes)| (slot, *bytes)).collect();
    if is_first {
        let address = |slot: u32| IpAddr::from([10, 8, 0, u8::try_from(slot - 298).unwrap()]);
        let clients: Vec<_> =
            each.iter().map(|(slot, _)| Client { slot: *slot, address: address(*slot) }).collect();
        engine.handle(Event::Clients(&clients), now());
    }
    let claim = |(slot, _): &(u32, u64)| Claimed { slot: *slot, owner: Owner::Forward(*slot) };
    let claimed: Vec<_> = each.iter().filter(|_| is_first).map(claim).collect();
    let moved = each.iter().map(|(slot, up)| {
        let bytes = Bytes { uplink: *up, downlink: up * 2 };
        Reading { slot: *slot, bytes, refused: 0 }
    });
    let moved: Vec<_> = moved.collect();
    engine.handle(Event::Drained { claimed: &claimed, moved: &moved }, now())
}

fn check(engine: &Engine, expected: &[(&str, u64)]) {
    let mut rows: Vec<_> = engine.records().into_iter().map(|it| (it.name, it.bytes)).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let bytes = |up: u64| Bytes { uplink: up, downlink: up * 2 };
    let expected: Vec<_> =
        expected.iter().map(|(name, up)| ((*name).to_owned(), bytes(*up))).collect();
    assert_eq!(rows, expected);
}

fn restart(engine: &Engine, names: &[(&str, &str)]) -> Engine {
    let records = engine.records().into_iter().map(|record| {
        let date = local_date(record.last_update);
        (record, date)
    });
    self::engine(Restored { records: records.collect(), incidents: Vec::new() }, names)
}

#[test]
fn addresses_of_one_name_are_one_account() {
    let names = [("10.8.0.2", "alice"), ("10.8.0.3", "alice")];
    let mut engine = engine(Restored::default(), &names);
    drain(&mut engine, true, &[100, 50, 7]);
    check(&engine, &[("10.8.0.4", 7), ("alice", 150)]);
    drain(&mut engine, false, &[110, 50, 8]);
    check(&engine, &[("10.8.0.4", 8), ("alice", 160)]);
}

#[test]
fn a_limit_is_that_of_all_addresses_together() {
    let mut engine = engine(Restored::default(), &[("10.8.0.0/24", "alice")]);
    engine.arm();
    drain(&mut engine, true, &[100, 50]);
    let limits = crate::engine::people::Limits { daily: None, total: Some(200) };
    engine.limit("alice", limits, &[], now()).unwrap();
    let told = |engine: &mut Engine| {
        let mut told = Vec::new();
        for command in engine.take_outbox(now()) {
            let Command::Limit { counter: Counter::Slot(slot), limit: Some(limit) } = command
            else {
                panic!("{command:?}")
            };
            told.push((slot, limit.allowed_bytes, limit.is_cut));
        }
        told.sort_unstable();
        told
    };
    assert_eq!(told(&mut engine), [(300, 150, false), (301, 100, false)]);
    let commands = drain(&mut engine, false, &[130, 70]);
    let cut = |it: &Command| matches!(it, Command::Limit { limit: Some(it), .. } if it.is_cut);
    assert_eq!(commands.iter().filter(|it| cut(it)).count(), 2, "{commands:?}");
}

#[test]
fn a_restart_goes_on() {
    let names = [("10.8.0.0/30", "alice")];
    let mut engine = engine(Restored::default(), &names);
    drain(&mut engine, true, &[100, 50]);
    let mut engine = restart(&engine, &names);
    drain(&mut engine, true, &[101, 52]);
    check(&engine, &[("alice", 153)]);
}

#[test]
fn a_new_name_starts_at_zero() {
    let mut engine = engine(Restored::default(), &[("10.8.0.0/24", "office")]);
    drain(&mut engine, true, &[100, 50]);
    engine.handle(Event::Names(called(&[("10.8.0.0/24", "office"), ("10.8.0.3", "bob")])), now());
    drain(&mut engine, false, &[103, 54]);
    check(&engine, &[("bob", 4), ("office", 153)]);
    // While nobody looked: what was counted is the old name's up to the start.
    let mut engine = restart(&engine, &[("10.8.0.3", "carol")]);
    drain(&mut engine, true, &[104, 60]);
    check(&engine, &[("10.8.0.2", 0), ("bob", 10), ("carol", 0), ("office", 154)]);
    drain(&mut engine, false, &[105, 61]);
    check(&engine, &[("10.8.0.2", 1), ("bob", 10), ("carol", 1), ("office", 154)]);
}
