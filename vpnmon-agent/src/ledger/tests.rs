use super::*;
use crate::model::Service;

const EPOCH: &str = "boot/1/uplink";

fn day(day: i8) -> Date {
    Date::constant(2026, 11, day)
}

fn now(on: i8) -> Now {
    Now { unix_seconds: 1_700_000_000, today: day(on), monotonic: std::time::Duration::ZERO }
}

fn bytes(uplink: u64, downlink: u64) -> Bytes {
    Bytes { uplink, downlink }
}

fn key() -> AccountKey {
    AccountKey::new(Service::Ssh, "john")
}

fn ledger(usage: Usage) -> (Ledger, AccountId) {
    let mut ledger = Ledger::new(usage, EPOCH.to_owned(), day(23));
    let id = ledger.open(&key(), now(23));
    (ledger, id)
}

/// Total, daily, both directions.
fn numbers(ledger: &Ledger, id: AccountId) -> (u64, u64, Bytes) {
    let record = &ledger.account(id).record;
    (record.total_usage(), record.daily_usage, record.bytes)
}

#[test]
fn usage_is_the_direction_that_config_names() {
    for (usage, expected) in [(Usage::Uplink, 7), (Usage::Downlink, 100), (Usage::Both, 107)] {
        let (mut ledger, id) = ledger(usage);
        ledger.book(id, bytes(7, 100), now(23));
        assert_eq!(numbers(&ledger, id), (expected, expected, bytes(7, 100)));
    }
}

#[test]
fn a_new_day_ends_daily_usage_only() {
    let (mut ledger, id) = ledger(Usage::Uplink);
    ledger.book(id, bytes(10, 0), now(23));
    ledger.roll_over(day(24));
    assert_eq!(numbers(&ledger, id), (10, 0, bytes(10, 0)));
    ledger.book(id, bytes(15, 0), now(24));
    assert_eq!(numbers(&ledger, id), (15, 5, bytes(15, 0)));
}

#[test]
fn a_new_life_of_the_counter_goes_on_top() {
    let (mut ledger, id) = ledger(Usage::Uplink);
    ledger.book(id, bytes(10, 20), now(23));
    let record = ledger.account(id).record.clone();

    let mut next = Ledger::new(Usage::Uplink, "boot/2/uplink".to_owned(), day(23));
    let id = next.restore(record.clone(), day(23));
    let restored = &next.account(id).record;
    assert_eq!((restored.baseline_usage, restored.last_stats, restored.mark), (10, 0, 0));
    // Past the old counter already: still all new.
    next.book(id, bytes(1000, 1), now(23));
    assert_eq!(numbers(&next, id), (1010, 1010, bytes(1010, 21)));

    // The same record in its own epoch: nothing is folded, and the growth alone is booked.
    let mut same = Ledger::new(Usage::Uplink, EPOCH.to_owned(), day(24));
    let id = same.restore(record, day(23));
    same.book(id, bytes(11, 25), now(24));
    assert_eq!(numbers(&same, id), (11, 1, bytes(11, 25)));
    assert_eq!(same.account(id).record.baseline_usage, 0);
}

#[test]
fn a_counter_that_falls_is_not_booked_twice() {
    let (mut ledger, id) = ledger(Usage::Uplink);
    ledger.book(id, bytes(10, 10), now(23));
    ledger.book(id, bytes(4, 10), now(23));
    ledger.book(id, bytes(5, 11), now(23));
    assert_eq!(numbers(&ledger, id), (11, 11, bytes(11, 11)));
}

#[test]
fn a_counter_taken_over_counts_from_there() {
    let (mut ledger, id) = ledger(Usage::Both);
    ledger.book(id, bytes(10, 10), now(23));
    ledger.begin(id, Some(1001), bytes(500, 600));
    ledger.book(id, bytes(501, 602), now(23));
    assert_eq!(numbers(&ledger, id), (23, 23, bytes(11, 12)));
    let record = &ledger.account(id).record;
    assert_eq!((record.baseline_usage, record.last_stats, record.mark), (20, 3, 1100));
}

#[test]
fn the_usage_file_alone_is_enough_for_usage() {
    for usage in [Usage::Uplink, Usage::Downlink, Usage::Both] {
        let (mut before, id) = ledger(usage);
        before.begin(id, Some(1001), bytes(500, 600));
        before.book(id, bytes(510, 630), now(23));
        let record = Record { raw: None, uid: None, ..before.account(id).record.clone() };
        let mut after = Ledger::new(usage, EPOCH.to_owned(), day(23));
        let id = after.restore(record, day(23));
        after.book(id, bytes(511, 632), now(23));
        let total = usage.of(bytes(11, 32));
        assert_eq!(after.account(id).record.total_usage(), total, "{usage:?}");
        assert_eq!(after.account(id).record.daily_usage, total, "{usage:?}");
    }
}

#[test]
fn changed_accounts_are_taken_once() {
    let (mut ledger, id) = ledger(Usage::Uplink);
    assert_eq!(ledger.take_changed(10).len(), 1);
    assert!(ledger.take_changed(10).is_empty());
    ledger.book(id, bytes(1, 0), now(23));
    ledger.book(id, bytes(2, 0), now(23));
    let taken = ledger.take_changed(10);
    assert_eq!(taken.iter().map(Record::total_usage).collect::<Vec<_>>(), [2]);
}
