//! Moments, and how they are written: without a clock.

use std::time::Duration;

use jiff::{
    Timestamp, ZonedDateTime,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// The moment of an event, from the clock source.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Unix time, in seconds.
    pub unix_seconds: u64,
    /// Local date.
    pub today: Date,
    /// Since some fixed moment; never goes back, and stands still while the machine sleeps.
    pub monotonic: Duration,
}

/// The date in the machine's time zone.
#[must_use]
pub fn local_date(unix_seconds: u64) -> Date {
    zoned(unix_seconds).date()
}

/// What the clock on the wall shows.
#[must_use]
pub fn wall(unix_seconds: u64) -> DateTime {
    zoned(unix_seconds).datetime()
}

/// RFC 3339 in the machine's time zone, such as `2026-11-23T19:06:16+01:00`.
#[must_use]
pub fn rfc3339(unix_seconds: u64) -> String {
    zoned(unix_seconds).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Local time as `hosts.log` has it, such as `2026-11-23 19:06:16`.
#[must_use]
pub fn local_time(unix_seconds: u64) -> String {
    zoned(unix_seconds).strftime("%F %T").to_string()
}

/// Unix time of a local time, in seconds. Of an hour that comes twice the first is meant.
#[must_use]
pub fn of_local(time: DateTime) -> Option<u64> {
    let zoned = time.to_zoned_datetime(TimeZone::system()).ok()?;
    u64::try_from(zoned.timestamp().as_second()).ok()
}

fn zoned(unix_seconds: u64) -> ZonedDateTime {
    let second = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
    // A number that no calendar holds comes from a file somebody wrote: the last moment it has.
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_zoned_datetime(TimeZone::system())
}
