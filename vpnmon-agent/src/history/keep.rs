//! Marks in, rows out: once a minute what was moved goes to the file.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use jiff::civil::Date;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, WriteTransaction};

use super::{
    day::{self, Day, place},
    file::{FILE, Opened, guarded, is_passing, open},
    prune::prune,
    read::Reader,
    row::{Row, plus},
    settle::settle,
    tables::{ACCOUNTS, Known, OPEN, OVER},
};
use crate::{
    ledger::{
        incident::{Incident, Kind},
        recorded::Mark,
        store::load::set_aside,
    },
    model::Bytes,
    time::{Now, wall},
};

/// Between two writes. A crash loses none of it: see [`super`].
const INTERVAL: Duration = Duration::from_mins(1);
/// So many rows, of 400 bytes each, may wait for a disk that takes none. Beyond it an account is left
/// where it is, and what it moves is booked in the hour in which there is room again.
const MAX_WAITING: usize = 1 << 17;

/// Keeps the history; the writer's thread owns it.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    keep_days: u16,
    reader: Reader,
    known: HashMap<u64, Known>,
    /// Accounts that are no more, once the file has their last bytes.
    parted: Vec<u64>,
    /// Rows that the file does not have yet.
    waiting: BTreeMap<(Day, u64), Row>,
    /// Those whose names or bytes it has otherwise.
    changed: HashSet<u64>,
    written: Option<(Duration, (Day, usize))>,
    /// The last day that was looked over for what is too old.
    pruned: Day,
    error: Option<String>,
}

impl History {
    /// Opens the file in `dir`. What the accounts had moved before there was one is not in it; what
    /// they have moved since it was written last is booked.
    pub fn open(dir: &Path, keep_days: u16, marks: Vec<Mark>, now: Now) -> (Self, Vec<Incident>) {
        let mut history = Self {
            path: dir.join(FILE),
            keep_days,
            reader: Reader::default(),
            known: HashMap::new(),
            parted: Vec::new(),
            waiting: BTreeMap::new(),
            changed: HashSet::new(),
            written: None,
            pruned: 0,
            error: None,
        };
        let incidents = history.begin(&marks, now);
        for mark in marks {
            history.note(mark);
        }
        (history, incidents)
    }

    /// The way to read it beside.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// An account has come so far.
    pub fn note(&mut self, mark: Mark) {
        let Mark { number, key, bytes, at, is_last } = mark;
        let fresh = Known { key: key.clone(), bytes: Bytes::default(), last_day: 0 };
        let known = self.known.entry(number).or_insert(fresh);
        let moved = Bytes {
            uplink: bytes.uplink.saturating_sub(known.bytes.uplink),
            downlink: bytes.downlink.saturating_sub(known.bytes.downlink),
        };
        let is_renamed = known.key != key;
        let (day, hour) = place(wall(at));
        let has_room =
            self.waiting.len() < MAX_WAITING || self.waiting.contains_key(&(day, number));
        let has_moved = moved != Bytes::default() && has_room;
        if has_moved {
            known.bytes = plus(known.bytes, moved);
            known.last_day = known.last_day.max(day);
            self.waiting.entry((day, number)).or_default().add(hour, moved);
        }
        if is_renamed || has_moved {
            known.key = key;
            self.changed.insert(number);
        }
        if is_last {
            self.parted.push(number);
        }
    }

    /// Writes, once a minute, when an hour is over and when an account is; `at_once` in any case. What
    /// the admin should know of it.
    pub fn due(&mut self, now: Now, at_once: bool) -> Vec<Incident> {
        let hour = place(wall(now.unix_seconds));
        let is_due = self.written.is_none_or(|(written, of)| {
            of != hour || now.monotonic.saturating_sub(written) >= INTERVAL
        });
        // What an account that is gone had moved is known nowhere else.
        if !is_due && !at_once && self.parted.is_empty() {
            return Vec::new();
        }
        self.written = Some((now.monotonic, hour));
        match self.write(now.today) {
            Ok(()) => self.recovered(now.unix_seconds).into_iter().collect(),
            Err(error) => self.failed(&error, now.unix_seconds),
        }
    }

    /// Why the last write failed; empty where it did not.
    pub fn error(&self) -> String {
        self.error.clone().unwrap_or_default()
    }

    fn write(&mut self, today: Date) -> Result<()> {
        let not_open = || io::Error::from(io::ErrorKind::NotConnected);
        let store = self.reader.store().ok_or_else(not_open)?;
        guarded(|| self.commit(&store, today))?;
        self.waiting.clear();
        self.changed.clear();
        for number in self.parted.drain(..) {
            self.known.remove(&number);
        }
        self.pruned = day::number(today);
        Ok(())
    }

    fn commit(&self, store: &Database, today: Date) -> Result<()> {
        let mut write = store.begin_write()?;
        // After a crash the file is usable at once, however large it is.
        write.set_quick_repair(true);
        self.put_rows(&write)?;
        let today_number = day::number(today);
        settle(&write, today_number)?;
        let is_new_day = self.pruned != today_number;
        prune(&write, day::oldest(today, self.keep_days), is_new_day, |number| {
            self.known.contains_key(&number)
        })?;
        Ok(write.commit()?)
    }

    fn put_rows(&self, write: &WriteTransaction) -> Result<()> {
        let mut open = write.open_table(OPEN)?;
        let _makes_it = write.open_table(OVER)?;
        let mut packed = Vec::new();
        for (place, moved) in &self.waiting {
            let before = open.get(place)?.and_then(|row| Row::unpack(&mut row.value()));
            let mut row = before.unwrap_or_default();
            row.add_all(moved);
            packed.clear();
            row.pack(&mut packed);
            open.insert(place, packed.as_slice())?;
        }
        let mut accounts = write.open_table(ACCOUNTS)?;
        for number in &self.changed {
            if let Some(known) = self.known.get(number) {
                accounts.insert(number, known.pack().as_slice())?;
            }
        }
        Ok(())
    }

    /// Opens the file, or a new one where it is damaged.
    fn begin(&mut self, marks: &[Mark], now: Now) -> Vec<Incident> {
        let mut incidents = Vec::new();
        let opened = self.open_or_replace(now.unix_seconds, &mut incidents).and_then(|opened| {
            let numbers = marks.iter().map(|mark| mark.number);
            let known = guarded(|| known(&opened, numbers))?;
            Ok((opened, known))
        });
        let is_new = match opened {
            Ok((Opened { store, is_new }, known)) => {
                self.known = known;
                self.reader.set(Some(Arc::new(store)));
                is_new
            }
            Err(error) => {
                incidents.extend(self.failed(&error, now.unix_seconds));
                true
            }
        };
        if is_new {
            self.known = marks.iter().map(|mark| (mark.number, before(mark))).collect();
            self.changed = self.known.keys().copied().collect();
            incidents.extend(self.due(now, true));
        }
        incidents
    }

    fn open_or_replace(&self, at: u64, incidents: &mut Vec<Incident>) -> Result<Opened> {
        open(&self.path).or_else(|error| {
            if is_passing(&error) {
                return Err(error);
            }
            incidents.push(set_aside(&self.path, at, &error));
            open(&self.path)
        })
    }

    /// A damaged file is put aside at once; a disk that takes nothing is waited for.
    fn failed(&mut self, error: &anyhow::Error, at: u64) -> Vec<Incident> {
        let reason = format!("cannot write {}: {error:#}", self.path.display());
        let is_news = self.error.replace(reason.clone()).is_none();
        let mut incidents = Vec::new();
        if is_news {
            let reason = format!("{reason}; reports lack what is not written yet");
            incidents.push(Incident { at, kind: Kind::Degraded, account: None, reason });
        }
        self.reader.set(None);
        if !is_passing(error) {
            incidents.push(set_aside(&self.path, at, error));
        }
        if let Ok(Opened { store, is_new }) = self.open_or_replace(at, &mut incidents) {
            if is_new {
                // It gets all that is known, so that nothing of before is booked again.
                self.changed = self.known.keys().copied().collect();
            }
            self.reader.set(Some(Arc::new(store)));
        }
        incidents
    }

    fn recovered(&mut self, at: u64) -> Option<Incident> {
        let reason = format!("written again after: {}", self.error.take()?);
        Some(Incident { at, kind: Kind::Recovered, account: None, reason })
    }
}

/// An account that is there before the history is: what it has moved is not for it.
fn before(mark: &Mark) -> Known {
    Known { key: mark.key.clone(), bytes: mark.bytes, last_day: 0 }
}

fn known(opened: &Opened, numbers: impl Iterator<Item = u64>) -> Result<HashMap<u64, Known>> {
    let mut known = HashMap::new();
    if opened.is_new {
        return Ok(known);
    }
    let accounts = opened.store.begin_read()?.open_table(ACCOUNTS)?;
    for number in numbers {
        let packed = accounts.get(number)?;
        known.extend(packed.and_then(|it| Some((number, Known::unpack(it.value())?))));
    }
    Ok(known)
}
