//! Sums that no reset takes from, the largest accounts, and events that people are told of.

use std::time::Duration;

use jiff::civil::Date;
use vpnmon_common::{owner::Owner, slot::FIRST_ACCOUNT_SLOT};

use super::*;
use crate::{
    config::Config,
    engine::{Restored, Settings, people::Limits, status::Wanted},
    event::{Claimed, Command, Event, Reading, Stored},
    ledger::incident::{Incident, Kind},
    model::Bytes,
    users::Users,
    view,
};

const PEOPLE: [(u32, u64); 3] = [(0, 100), (1, 300), (2, 200)];

fn now() -> Now {
    Now { unix_seconds: 0, today: Date::constant(2026, 11, 24), monotonic: Duration::ZERO }
}

fn engine(incidents: Vec<Incident>) -> Engine {
    let about = view::Agent::default();
    let settings = Settings::new(&Config::default(), 100, "boot".to_owned(), about);
    let passwd = "u0:x:1000:1000::/:\nu1:x:1001:1001::/:\nu2:x:1002:1002::/:\n";
    let users = Users::parse(passwd.as_bytes(), (1000, 60_000));
    let restored = Restored { records: Vec::new(), incidents };
    Engine::new(settings, users, restored, now())
}

/// Counters of all three at so many times what they begin with.
fn drain(engine: &mut Engine, times: u64) -> Vec<Command> {
    let slot = |who: u32| FIRST_ACCOUNT_SLOT + who;
    let claimed = PEOPLE.map(|(who, _)| Claimed { slot: slot(who), owner: Owner::Uid(1000 + who) });
    let moved = PEOPLE.map(|(who, bytes)| Reading {
        slot: slot(who),
        bytes: Bytes { uplink: bytes * times, downlink: 0 },
        refused: 0,
    });
    let claimed = if times == 1 { &claimed[..] } else { &[] };
    engine.handle(Event::Drained { claimed, moved: &moved }, now())
}

fn uplink_of_ssh(engine: &Engine) -> u64 {
    let moved = engine.metrics(None, now()).moved;
    moved.iter().find(|(service, _)| *service == Service::Ssh).map_or(0, |(_, it)| it.uplink)
}

#[test]
fn sums_by_service_only_grow() {
    let mut engine = engine(Vec::new());
    drain(&mut engine, 1);
    assert_eq!(uplink_of_ssh(&engine), 600);
    engine.reset(&Wanted::All, now()).unwrap();
    assert_eq!(uplink_of_ssh(&engine), 600);
    drain(&mut engine, 2);
    assert_eq!(uplink_of_ssh(&engine), 1200);
}

#[test]
fn those_that_moved_most_have_series() {
    let mut engine = engine(Vec::new());
    drain(&mut engine, 1);
    let names = |max| {
        let series = engine.metrics(Some(max), now()).series.unwrap();
        let names: Vec<_> = series.accounts.into_iter().map(|it| it.name).collect();
        (names.join(" "), series.left_out)
    };
    assert_eq!(names(2), ("u1 u2".to_owned(), 1));
    assert_eq!(names(3), ("u1 u2 u0".to_owned(), 0));
    assert_eq!(names(10), ("u1 u2 u0".to_owned(), 0));
    assert!(engine.metrics(None, now()).series.is_none());
    let states = engine.metrics(None, now()).accounts;
    assert_eq!(states[..2], [(Service::Ssh, State::Ok, 3), (Service::Ssh, State::Warning, 0)]);
}

fn told(commands: &[Command]) -> Vec<Kind> {
    let told = commands.iter().filter_map(|command| match command {
        Command::Notify(incident) => Some(incident.kind),
        _ => None,
    });
    told.collect()
}

#[test]
fn people_are_told_of_what_they_want_once() {
    let at_start = Incident { at: 0, kind: Kind::BadFile, account: None, reason: String::new() };
    let mut engine = engine(vec![at_start]);
    engine.tell_of(vec![Kind::BadFile, Kind::Exceeded]);
    assert_eq!(told(&drain(&mut engine, 1)), [Kind::BadFile]);
    let limits = Limits { daily: None, total: Some(150) };
    engine.limit("u0", limits, &[], now()).unwrap();
    assert_eq!(told(&drain(&mut engine, 2)), [Kind::Exceeded]);
    // A disk that fails keeps the events for another try, which is no other event.
    let batch = engine.handle(Event::PersistDue, now());
    let failed = batch.into_iter().find_map(|it| match it {
        Command::Store(batch) => Some(batch),
        _ => None,
    });
    let stored =
        Stored { failed: failed.unwrap(), error: Some("full".to_owned()), ..Stored::default() };
    assert_eq!(told(&engine.handle(Event::Stored(stored), now())), []);
    let counts = engine.metrics(None, now()).events;
    let of = |kind: Kind| counts[kind as usize];
    assert_eq!(of(Kind::Exceeded), ("exceeded", 1));
    assert_eq!(of(Kind::Degraded), ("degraded", 1));
    let metrics = engine.metrics(None, now());
    assert_eq!((metrics.writes, metrics.write_errors), (1, 1));
}

#[test]
fn problems_are_told_when_they_come_and_when_they_go() {
    let mut engine = engine(Vec::new());
    engine.tell_of(vec![Kind::Degraded, Kind::Recovered]);
    let mut tell = |problems: &[&str]| {
        let problems = problems.iter().map(|it| (*it).to_owned()).collect();
        told(&engine.handle(Event::Problems(problems), now()))
    };
    assert_eq!(tell(&["a"]), [Kind::Degraded]);
    assert_eq!(tell(&["a"]), []);
    assert_eq!(tell(&["a", "b"]), [Kind::Degraded]);
    assert_eq!(tell(&["b"]), [Kind::Recovered]);
    assert_eq!(engine.metrics(None, now()).agent.degraded, ["b"]);
}
