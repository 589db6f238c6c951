//! The time at the start of a log line.

use jiff::{
    Timestamp, ZonedDateTime,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// `Nov 24 11:02:03`.
const TRADITIONAL_LEN: usize = 15;
/// `2026-11-24T11:02:03.123456+01:00`, and some room.
const MAX_ISO_LEN: usize = 40;
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// When a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Unix seconds.
    Unix(u64),
    /// Local time of a year that the line does not tell. Its own is 2000, which has every day.
    Yearless(DateTime),
}

impl Stamp {
    /// Unix seconds, for somebody who reads the line at `now`: the last such time up to a day from
    /// then, for the clocks of log and reader may differ.
    pub fn unix_seconds(self, now: u64) -> Option<u64> {
        let written = match self {
            Self::Unix(seconds) => return Some(seconds),
            Self::Yearless(written) => written,
        };
        let latest = zoned(now.saturating_add(86_400))?;
        // Eight years back there is a leap year, also around one that is none.
        (0..=8).find_map(|years| {
            let date = written.date();
            let date = Date::new(latest.year() - years, date.month(), date.day()).ok()?;
            let zoned =
                date.to_datetime(written.time()).to_zoned_datetime(TimeZone::system()).ok()?;
            if zoned > latest {
                return None;
            }
            u64::try_from(zoned.timestamp().as_second()).ok()
        })
    }
}

fn zoned(unix_seconds: u64) -> Option<ZonedDateTime> {
    let timestamp = Timestamp::from_second(i64::try_from(unix_seconds).ok()?).ok()?;
    Some(timestamp.to_zoned_datetime(TimeZone::system()))
}

/// The time that `line` begins with, and what follows the blank after it. A time of a known form that
/// no calendar has is none, but the line stays a line.
pub fn take(line: &[u8]) -> Option<(Option<Stamp>, &[u8])> {
    if line.first()?.is_ascii_digit() {
        return iso(line);
    }
    let (_, after_day) = line.split_at_checked(4)?;
    let openwrt = DAYS.contains(&&line[..3]) && line[3] == b' ';
    if !openwrt {
        return traditional(line);
    }
    let (stamp, rest) = traditional(after_day)?;
    let (year, rest) = rest.split_at_checked(5)?;
    let year: i16 = std::str::from_utf8(year.strip_suffix(b" ")?).ok()?.parse().ok()?;
    Some((stamp.and_then(|stamp| of_year(stamp, year)), rest))
}

fn of_year(stamp: Stamp, year: i16) -> Option<Stamp> {
    let Stamp::Yearless(written) = stamp else { return Some(stamp) };
    let date = Date::new(year, written.month(), written.day()).ok()?;
    let zoned = date.to_datetime(written.time()).to_zoned_datetime(TimeZone::system()).ok()?;
    u64::try_from(zoned.timestamp().as_second()).ok().map(Stamp::Unix)
}

fn iso(line: &[u8]) -> Option<(Option<Stamp>, &[u8])> {
    let end = line.iter().take(MAX_ISO_LEN).position(|byte| *byte == b' ')?;
    let text = std::str::from_utf8(&line[..end]).ok().filter(|text| text.contains('T'))?;
    let stamp = text.parse::<Timestamp>().ok();
    let seconds = stamp.and_then(|stamp| u64::try_from(stamp.as_second()).ok());
    Some((seconds.map(Stamp::Unix), &line[end + 1..]))
}

fn traditional(line: &[u8]) -> Option<(Option<Stamp>, &[u8])> {
    let (stamp, rest) = line.split_at_checked(TRADITIONAL_LEN)?;
    let rest = rest.strip_prefix(b" ")?;
    let month = MONTHS.iter().position(|month| stamp.starts_with(month))?;
    let month = i8::try_from(month + 1).ok()?;
    if [stamp[3], stamp[6]] != *b"  " || [stamp[9], stamp[12]] != *b"::" {
        return None;
    }
    let two = |at: usize| {
        let tens = if stamp[at] == b' ' { b'0' } else { stamp[at] };
        let digits = tens.is_ascii_digit() && stamp[at + 1].is_ascii_digit();
        digits
            .then(|| (tens - b'0') * 10 + (stamp[at + 1] - b'0'))
            .and_then(|n| i8::try_from(n).ok())
    };
    let (day, hour, minute, second) = (two(4)?, two(7)?, two(10)?, two(13)?);
    let written = DateTime::new(2000, month, day, hour, minute, second.min(59), 0).ok();
    Some((written.map(Stamp::Yearless), rest))
}
