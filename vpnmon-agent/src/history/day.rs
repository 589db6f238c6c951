//! Days as the tables have them, and where a moment falls.

use jiff::{
    Span,
    civil::{Date, DateTime},
};

/// A local day as a number that sorts: 2026-11-24 is 20261124.
pub type Day = u32;

/// The number of a date; years before 0 are not counted in.
pub fn number(date: Date) -> Day {
    let (year, month, day) = (date.year().max(0), date.month(), date.day());
    u32::from(year.unsigned_abs()) * 10_000
        + u32::from(month.unsigned_abs()) * 100
        + u32::from(day.unsigned_abs())
}

/// The date of a number; `None` where no calendar has it.
pub fn date(day: Day) -> Option<Date> {
    let part = |part: u32| i8::try_from(part % 100).ok();
    Date::new(i16::try_from(day / 10_000).ok()?, part(day / 100)?, part(day)?).ok()
}

/// Day and hour of a local time.
pub fn place(time: DateTime) -> (Day, usize) {
    (number(time.date()), usize::from(time.hour().unsigned_abs()))
}

/// The first of `days` that end with `today`.
pub fn oldest(today: Date, days: u16) -> Day {
    let back = Span::new().days(i64::from(days) - 1);
    number(today.checked_sub(back).unwrap_or(Date::MIN))
}
