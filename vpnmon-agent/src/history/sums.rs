//! Rows summed up by period, by account and by hour of the day.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use anyhow::Result;
use jiff::civil::{Date, DateTime};

use super::{
    day::{Day, date, number, place},
    read::NoReport,
    row::{HOURS, Row, plus},
};
use crate::{
    model::{
        AccountKey, Bytes,
        report::{By, Query},
    },
    view::{
        self,
        report::{AccountSum, Detail, Hour, Period, Report},
    },
};

/// Rows of [`Report::detail`]: some 100 MB.
const MAX_DETAIL: usize = 1_000_000;

/// A period that sorts: day and hour, with 0 for what is longer.
type Start = (Day, usize);

/// What has been summed up.
#[derive(Debug)]
pub struct Sums<'a> {
    by: By,
    /// Index into `accounts` by number; several may lead to one.
    indexes: HashMap<u64, usize>,
    accounts: Vec<(&'a AccountKey, Bytes)>,
    periods: BTreeMap<Start, Bytes>,
    hours: Row,
    detail: Option<HashMap<(Start, usize), Bytes>>,
}

impl<'a> Sums<'a> {
    /// Of nothing yet.
    pub fn new(query: &Query, wanted: &HashMap<u64, &'a AccountKey>) -> Self {
        let (mut by_key, mut accounts) = (HashMap::new(), Vec::new());
        let mut indexes = HashMap::new();
        for (number, key) in wanted {
            let index = *by_key.entry(*key).or_insert_with(|| {
                accounts.push((*key, Bytes::default()));
                accounts.len() - 1
            });
            indexes.insert(*number, index);
        }
        let detail = query.detail.then(HashMap::new);
        let (periods, hours) = (BTreeMap::new(), Row::default());
        Self { by: query.by, indexes, accounts, periods, hours, detail }
    }

    /// Adds a row, unless it is of an account that nobody asked for.
    pub fn add(&mut self, day: Day, number: u64, row: &Row) -> Result<()> {
        let Some(index) = self.indexes.get(&number).copied() else { return Ok(()) };
        let sum = &mut self.accounts[index].1;
        *sum = plus(*sum, row.sum());
        self.hours.add_all(row);
        let by = self.by;
        if by == By::Hour {
            for (hour, bytes) in row.0.iter().enumerate().filter(|it| *it.1 != Bytes::default()) {
                self.add_to((day, hour), index, *bytes)?;
            }
            return Ok(());
        }
        self.add_to(start((day, 0), by), index, row.sum())
    }

    fn add_to(&mut self, start: Start, index: usize, bytes: Bytes) -> Result<()> {
        let sum = self.periods.entry(start).or_default();
        *sum = plus(*sum, bytes);
        if let Some(detail) = &mut self.detail {
            let sum = detail.entry((start, index)).or_default();
            *sum = plus(*sum, bytes);
            if detail.len() > MAX_DETAIL {
                return Err(NoReport::TooMuch(MAX_DETAIL).into());
            }
        }
        Ok(())
    }

    /// The document. Periods begin with what is known and end with `now`.
    pub fn report(mut self, query: &Query, first_day: Option<Day>, now: DateTime) -> Report {
        for start in starts(query, first_day, now) {
            self.periods.entry(start).or_default();
        }
        let mut order: Vec<_> = (0..self.accounts.len()).collect();
        order.retain(|index| self.accounts[*index].1 != Bytes::default());
        order.sort_by_key(|index| {
            let (key, bytes) = self.accounts[*index];
            (Reverse(bytes.uplink.saturating_add(bytes.downlink)), key)
        });
        let total = self.hours.sum();
        let named = query.account.as_ref().and_then(|_| self.accounts.first());
        Report {
            schema: view::SCHEMA,
            account: named.map(|(key, _)| key.to_string()),
            service: query.service,
            since: query.since.to_string(),
            until: query.until.to_string(),
            first_day: first_day.and_then(date).map(|date| date.to_string()),
            by: query.by,
            uplink: total.uplink,
            downlink: total.downlink,
            hours: self.hours(),
            accounts: order.iter().map(|index| self.account(*index)).collect(),
            hosts: Vec::new(),
            detail: self.detail(&order),
            periods: self.periods(),
        }
    }

    fn periods(&self) -> Vec<Period> {
        let period = |(start, bytes): (&Start, &Bytes)| Period {
            start: shown(*start, self.by),
            uplink: bytes.uplink,
            downlink: bytes.downlink,
        };
        self.periods.iter().map(period).collect()
    }

    fn hours(&self) -> Vec<Hour> {
        let hour = |(hour, bytes): (u8, &Bytes)| Hour {
            hour,
            uplink: bytes.uplink,
            downlink: bytes.downlink,
        };
        (0..).zip(&self.hours.0).map(hour).collect()
    }

    fn account(&self, index: usize) -> AccountSum {
        let (key, Bytes { uplink, downlink }) = self.accounts[index];
        let unit = if key.service.is_xray() { "payload" } else { "ip" }.to_owned();
        AccountSum { service: key.service, name: key.name.clone(), unit, uplink, downlink }
    }

    /// Of each period the accounts in their order.
    fn detail(&mut self, order: &[usize]) -> Vec<Detail> {
        let places: HashMap<_, _> = order.iter().enumerate().map(|(at, of)| (*of, at)).collect();
        let periods: HashMap<_, _> =
            self.periods.keys().enumerate().map(|(at, start)| (*start, at)).collect();
        let rows = self.detail.take().into_iter().flatten();
        let mut detail: Vec<_> = rows
            .filter_map(|((start, index), Bytes { uplink, downlink })| {
                let (period, account) = (*periods.get(&start)?, *places.get(&index)?);
                Some(Detail { period, account, uplink, downlink })
            })
            .collect();
        detail.sort_by_key(|row| (row.period, row.account));
        detail
    }
}

/// The days from the first that is known on.
pub fn days_between(since: Date, until: Date, first: Option<Day>) -> impl Iterator<Item = Day> {
    let first = first.and_then(date).unwrap_or(until).max(since);
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
    days.take_while(move |day| *day <= until).map(number)
}

/// All periods that there can be anything in.
fn starts(query: &Query, first: Option<Day>, now: DateTime) -> impl Iterator<Item = Start> {
    let (by, now) = (query.by, place(now));
    let until = query.until.min(date(now.0).unwrap_or(query.until));
    let days = first.map(|first| days_between(query.since, until, Some(first)));
    let hours = if by == By::Hour { HOURS } else { 1 };
    let starts =
        days.into_iter().flatten().flat_map(move |day| (0..hours).map(move |hour| (day, hour)));
    starts.filter(move |start| *start <= now).map(move |it| start(it, by))
}

const fn start((day, hour): Start, by: By) -> Start {
    match by {
        By::Hour => (day, hour),
        By::Day => (day, 0),
        By::Month => (day / 100 * 100 + 1, 0),
    }
}

fn shown((day, hour): Start, by: By) -> String {
    let (year, month, day) = (day / 10_000, day / 100 % 100, day % 100);
    match by {
        By::Hour => format!("{year:04}-{month:02}-{day:02}T{hour:02}"),
        By::Day => format!("{year:04}-{month:02}-{day:02}"),
        By::Month => format!("{year:04}-{month:02}"),
    }
}
