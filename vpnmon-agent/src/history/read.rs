//! Reading the file, beside whoever writes it.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use jiff::civil::DateTime;
use redb::{Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _};

use super::{
    block::rows,
    day::{Day, number, place},
    file::{FILE, guarded, open},
    row::Row,
    sums::{Sums, days_between},
    tables::{ACCOUNTS, Known, OPEN, OVER},
    wanted::wanted,
};
use crate::{
    ledger::recorded::Mark,
    model::{Bytes, report::Query},
    time::wall,
    view::report::Report,
};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// No account has the name.
    #[error("no account {0:?} in the history; `vpnmon-agent report` lists those it has")]
    Unknown(String),
    /// Several have it.
    #[error("{0:?} is in several services; write one of {1}")]
    Ambiguous(String, String),
    /// There is no file.
    #[error("there is no history yet; the agent begins one when it runs with history.enabled")]
    Missing,
    /// More rows than a report may have.
    #[error("that is more than {0} rows; ask for less with --since, --until or --by month")]
    TooMuch(usize),
    /// It cannot be read.
    #[error("cannot read the history: {0:#}; look into the agent's log")]
    Broken(anyhow::Error),
}

/// The open file, shared by who writes and who reads.
#[derive(Clone, Debug, Default)]
pub struct Reader(Arc<Mutex<Option<Arc<Database>>>>);

impl Reader {
    /// Of a file that no agent has open; makes none.
    pub fn open(dir: &Path) -> Result<Self> {
        let (reader, path) = (Self::default(), dir.join(FILE));
        if path.symlink_metadata().is_ok() {
            reader.set(Some(Arc::new(open(&path)?.store)));
        }
        Ok(reader)
    }

    pub(super) fn set(&self, store: Option<Arc<Database>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    pub(super) fn store(&self) -> Option<Arc<Database>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is asked for, up to the moment of `marks`; `now` is local.
    pub fn report(&self, query: &Query, marks: &[Mark], now: DateTime) -> Result<Report, NoReport> {
        let store = self.store().ok_or(NoReport::Missing)?;
        let report = guarded(|| sum_up(&store.begin_read()?, query, marks, now));
        report.map_err(|error| error.downcast().unwrap_or_else(NoReport::Broken))
    }
}

fn sum_up(read: &ReadTransaction, query: &Query, marks: &[Mark], now: DateTime) -> Result<Report> {
    let everybody = everybody(read, marks)?;
    let tails = tails(marks, &everybody);
    let first_day = tails.iter().map(|tail| tail.day).chain(first_day(read)?).min();
    let wanted = wanted(query, &everybody)?;
    let days = number(query.since)..=number(query.until);
    let mut sums = Sums::new(query, &wanted);
    if query.account.is_some() {
        for day in days_between(query.since, query.until, first_day) {
            for number in wanted.keys() {
                if let Some(row) = row(read, (day, *number))? {
                    sums.add(day, *number, &row)?;
                }
            }
        }
    } else {
        each_row(read, &days, |day, number, row| sums.add(day, number, row))?;
    }
    for Tail { number, day, hour, bytes } in tails {
        if days.contains(&day) {
            let mut row = Row::default();
            row.add(hour, bytes);
            sums.add(day, number, &row)?;
        }
    }
    Ok(sums.report(query, first_day, now))
}

/// What an account has moved since its rows were written.
struct Tail {
    number: u64,
    day: Day,
    hour: usize,
    bytes: Bytes,
}

fn tails(marks: &[Mark], everybody: &HashMap<u64, Known>) -> Vec<Tail> {
    let tail = |mark: &Mark| {
        let written = everybody.get(&mark.number).map(|known| known.bytes).unwrap_or_default();
        let bytes = Bytes {
            uplink: mark.bytes.uplink.saturating_sub(written.uplink),
            downlink: mark.bytes.downlink.saturating_sub(written.downlink),
        };
        let (day, hour) = place(wall(mark.at));
        (bytes != Bytes::default()).then_some(Tail { number: mark.number, day, hour, bytes })
    };
    marks.iter().filter_map(tail).collect()
}

/// All accounts that the file or the ledger knows, as they are called now.
fn everybody(read: &ReadTransaction, marks: &[Mark]) -> Result<HashMap<u64, Known>> {
    let mut everybody = HashMap::new();
    for entry in read.open_table(ACCOUNTS)?.iter()? {
        let (number, packed) = entry?;
        everybody.extend(Known::unpack(packed.value()).map(|known| (number.value(), known)));
    }
    for mark in marks {
        let fresh = Known { key: mark.key.clone(), bytes: Bytes::default(), last_day: 0 };
        everybody.entry(mark.number).or_insert(fresh).key.clone_from(&mark.key);
    }
    Ok(everybody)
}

fn first_day(read: &ReadTransaction) -> Result<Option<Day>> {
    let (open, over) = (read.open_table(OPEN)?, read.open_table(OVER)?);
    let first = [open.first()?, over.first()?];
    Ok(first.into_iter().flatten().map(|(place, _)| place.value().0).min())
}

/// One account's day.
fn row(read: &ReadTransaction, place: (Day, u64)) -> Result<Option<Row>> {
    let (day, number) = place;
    let mut row = None::<Row>;
    let open = read.open_table(OPEN)?;
    if let Some(packed) = open.get(place)? {
        row = Row::unpack(&mut packed.value());
    }
    let over = read.open_table(OVER)?;
    if let Some(block) = over.range((day, 0)..=place)?.next_back().transpose()? {
        let found = rows(block.0.value().1, block.1.value()).find(|(of, _)| *of == number);
        if let Some((_, packed)) = found {
            row.get_or_insert_default().add_all(&packed);
        }
    }
    Ok(row)
}

fn each_row(
    read: &ReadTransaction,
    days: &RangeInclusive<Day>,
    mut with: impl FnMut(Day, u64, &Row) -> Result<()>,
) -> Result<()> {
    let range = (*days.start(), 0)..=(*days.end(), u64::MAX);
    for entry in read.open_table(OVER)?.range(range.clone())? {
        let (place, packed) = entry?;
        let (day, first) = place.value();
        rows(first, packed.value()).try_for_each(|(number, row)| with(day, number, &row))?;
    }
    for entry in read.open_table(OPEN)?.range(range)? {
        let (place, packed) = entry?;
        let (day, number) = place.value();
        if let Some(row) = Row::unpack(&mut packed.value()) {
            with(day, number, &row)?;
        }
    }
    Ok(())
}
