//! Histories of traffic, writes and kills, against a plain sum.

mod files;
mod model;

use std::path::Path;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use proptest::prelude::*;

use super::{
    History, block,
    day::{date, number, place},
    row::{HOURS, Row, put, take},
};
use crate::{
    ledger::recorded::Mark,
    model::{
        AccountKey, Bytes, Service,
        report::{By, Query},
    },
    time::{Now, local_date, wall},
    view::report::Report,
};

/// 2026-11-24 00:00 UTC.
const MIDNIGHT: u64 = 1_795_478_400;

fn now(unix_seconds: u64) -> Now {
    let monotonic = std::time::Duration::from_secs(unix_seconds);
    Now { unix_seconds, today: local_date(unix_seconds), monotonic }
}

fn mark(number: u64, name: &str, uplink: u64, at: u64) -> Mark {
    let key = AccountKey::new(Service::Ssh, name);
    Mark { number, key, bytes: Bytes { uplink, downlink: uplink / 2 }, at, is_last: false }
}

fn open(dir: &Path, marks: Vec<Mark>, at: u64) -> History {
    let (history, incidents) = History::open(dir, 400, marks, now(at));
    assert_eq!(incidents, []);
    history
}

fn query(by: By) -> Query {
    let (since, until) = (Date::constant(2020, 1, 1), Date::constant(2030, 1, 1));
    Query { account: None, service: None, since, until, by, detail: false, hosts: 0 }
}

fn report(history: &History, query: &Query, marks: &[Mark], at: u64) -> Report {
    history.reader().report(query, marks, wall(at)).unwrap()
}

/// Name and uplink of each account.
fn uplinks(report: &Report) -> Vec<(&str, u64)> {
    let mut sums: Vec<_> = report.accounts.iter().map(|it| (it.name.as_str(), it.uplink)).collect();
    sums.sort_unstable();
    sums
}

fn any_row() -> impl Strategy<Value = Row> {
    let bytes = (any::<u64>(), any::<u64>(), 0..u64::BITS);
    let bytes =
        bytes.prop_map(|(up, down, bits)| Bytes { uplink: up >> bits, downlink: down >> bits });
    prop::collection::vec(prop_oneof![Just(Bytes::default()), bytes], HOURS)
        .prop_map(|hours| Row(hours.try_into().unwrap()))
}

proptest! {
    #[test]
    fn numbers_come_back(value: u64, bits in 0..u64::BITS, junk: Vec<u8>) {
        let mut packed = Vec::new();
        put(&mut packed, value >> bits);
        prop_assert_eq!(take(&mut packed.as_slice()), Some(value >> bits));
        prop_assert_eq!(take(&mut &packed[..packed.len() - 1]), None);
        take(&mut junk.as_slice());
    }

    #[test]
    fn rows_and_blocks_come_back(rows in prop::collection::btree_map(any::<u64>(), any_row(), 0..60)) {
        let mut blocks = vec![block::Block::default()];
        for (number, row) in &rows {
            if !blocks.last_mut().unwrap().push(*number, row) {
                let mut block = block::Block::default();
                prop_assert!(block.push(*number, row));
                blocks.push(block);
            }
        }
        let parts = blocks.iter().filter_map(block::Block::parts);
        let back: Vec<_> = parts.flat_map(|(first, packed)| {
            assert!(packed.len() <= 4000);
            block::rows(first, packed).collect::<Vec<_>>()
        }).collect();
        prop_assert_eq!(back, rows.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn junk_is_no_row(first: u64, junk: Vec<u8>) {
        for (_, row) in block::rows(first, &junk) {
            row.sum();
        }
    }
}

#[test]
fn days_are_numbers_that_sort() {
    for text in ["2026-11-24", "0001-01-01", "9999-12-31", "2024-02-29"] {
        let day: Date = text.parse().unwrap();
        assert_eq!(date(number(day)), Some(day));
    }
    assert_eq!(number(Date::constant(2026, 11, 24)), 20_261_124);
    assert_eq!(date(20_261_399), None);
}

/// Hours of a day in Berlin, from its midnight on.
fn hours_of(day: Date) -> Vec<usize> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let midnight = day.to_zoned_datetime(zone.clone()).unwrap().timestamp().as_second();
    let hour =
        |at: i64| Timestamp::from_second(at).unwrap().to_zoned_datetime(zone.clone()).datetime();
    let places = (0..26).map(|hours| place(hour(midnight + hours * 3600)));
    places.filter(|(of, _)| *of == number(day)).map(|(_, hour)| hour).collect()
}

#[test]
fn a_change_of_the_clocks_leaves_an_hour_out_or_has_it_twice() {
    let usual: Vec<_> = (0..24).collect();
    assert_eq!(hours_of(Date::constant(2026, 11, 24)), usual);
    let spring = hours_of(Date::constant(2026, 3, 29));
    assert_eq!((spring.len(), spring.contains(&2)), (23, false));
    let autumn = hours_of(Date::constant(2026, 10, 25));
    assert_eq!((autumn.len(), autumn.iter().filter(|hour| **hour == 2).count()), (25, 2));
    // What is moved in the two is one row's.
    let mut row = Row::default();
    for hour in autumn {
        row.add(hour, Bytes { uplink: 1, downlink: 2 });
    }
    assert_eq!(row.sum(), Bytes { uplink: 25, downlink: 50 });
    assert_eq!(row.0[2], Bytes { uplink: 2, downlink: 4 });
}
