//! Days as they are typed: a date, or how many.

use jiff::{Span, civil::Date};

use crate::model::report::By;

/// A day of the calendar, or one so many days before today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// As it is.
    Date(Date),
    /// The first of so many days that end with today.
    Days(u16),
}

impl When {
    /// Which day it is.
    pub fn date(self, today: Date) -> Date {
        match self {
            Self::Date(date) => date,
            Self::Days(days) => back(today, Span::new().days(i64::from(days) - 1)),
        }
    }
}

/// Reads one.
pub fn parse(text: &str) -> Result<When, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| *days > 0);
    let date = || text.parse().ok().filter(|_| text.len() == 10);
    let when = days.map(When::Days).or_else(|| date().map(When::Date));
    when.ok_or_else(|| "use a date such as 2026-11-01, or days such as 7d".to_owned())
}

/// The first day where none is named.
pub fn usual(by: By, until: Date) -> Date {
    match by {
        By::Hour => back(until, Span::new().days(1)),
        By::Day => back(until, Span::new().days(29)),
        By::Month => back(until.first_of_month(), Span::new().months(11)),
    }
}

fn back(date: Date, span: Span) -> Date {
    date.checked_sub(span).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_days() {
        let today = Date::constant(2026, 3, 1);
        for (text, expected) in [
            ("2026-11-01", Some("2026-11-01")),
            ("1d", Some("2026-03-01")),
            ("7d", Some("2026-02-23")),
            ("65535d", Some("1846-09-27")),
            ("0d", None),
            ("65536d", None),
            ("d", None),
            ("-1d", None),
            ("2026-02-30", None),
            ("2026-1-1", None),
            ("2026-11-01T10", None),
            ("yesterday", None),
            ("", None),
        ] {
            let date = parse(text).ok().map(|when| when.date(today).to_string());
            assert_eq!(date.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn goes_back_as_far_as_a_period_is_worth_it() {
        let until = Date::constant(2026, 11, 24);
        for (by, expected) in
            [(By::Hour, "2026-11-23"), (By::Day, "2026-10-26"), (By::Month, "2025-12-01")]
        {
            assert_eq!(usual(by, until).to_string(), expected);
        }
    }
}
