//! The columns: their titles, their widths, what stands in them.

use super::super::units;
use crate::{
    escape::escaped,
    view::{Account, State},
};

/// How numbers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `1.50 GiB`, `4.10 Mbit/s`.
    Wide,
    /// `1.50GiB`, `4.10Mb`, the rates' titles saying the rest.
    Narrow,
    /// `1.50GiB`, `4.10Mbit/s`, names without blanks.
    Plain,
}

/// A column; the titles say what of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Account,
    Service,
    Today,
    Total,
    Limit,
    Left,
    Up,
    Down,
    State,
}

impl Column {
    /// Numbers stand on the right.
    pub const fn is_number(self) -> bool {
        !matches!(self, Self::Account | Self::Service | Self::State)
    }

    /// Columns of the terminal; 0 for the account, which takes what is left.
    pub const fn columns(self, form: Form, service: usize) -> usize {
        let wide = matches!(form, Form::Wide);
        match self {
            Self::Account => 0,
            Self::Service => service,
            Self::Today | Self::Total | Self::Limit | Self::Left if wide => 8,
            Self::Today | Self::Total | Self::Limit | Self::Left => 7,
            Self::Up | Self::Down if wide => 11,
            Self::Up | Self::Down => 6,
            Self::State => 8,
        }
    }

    pub const fn title(self, form: Form) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Service => "SERVICE",
            Self::Today => "TODAY",
            Self::Total => "TOTAL",
            Self::Limit => "LIMIT",
            Self::Left => "LEFT",
            Self::Up if matches!(form, Form::Narrow) => "UP/s",
            Self::Up => "UP",
            Self::Down if matches!(form, Form::Narrow) => "DOWN/s",
            Self::Down => "DOWN",
            Self::State => "STATE",
        }
    }

    pub fn cell(self, account: &Account, form: Form) -> String {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".into(), units::size);
        let text = match self {
            Self::Account => return name(&account.name, form),
            Self::Service => account.service.word().into(),
            Self::Today => units::size(account.daily_usage),
            Self::Total => units::size(account.total_usage),
            Self::Limit => size(tighter_limit(account)),
            Self::Left => size(account.remaining),
            Self::Up => units::rate(account.uplink_bps),
            Self::Down => units::rate(account.downlink_bps),
            Self::State => state(account.state).into(),
        };
        match form {
            Form::Wide => text,
            Form::Plain => text.replace(' ', ""),
            Form::Narrow => text.replace("it/s", "").replace(' ', ""),
        }
    }
}

fn name(name: &str, form: Form) -> String {
    if form == Form::Plain { escaped(name).replace(' ', "\\x20") } else { name.into() }
}

/// The limit that leaves less; both alike, the total.
fn tighter_limit(account: &Account) -> Option<u64> {
    let total = (account.total_limit, account.total_usage);
    let daily = (account.daily_limit, account.daily_usage);
    let limits = [total, daily].into_iter().filter(|(limit, _)| *limit > 0);
    limits.min_by_key(|(limit, used)| limit.saturating_sub(*used)).map(|(limit, _)| limit)
}

const fn state(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Exceeded => "exceeded",
        State::Disabled => "disabled",
    }
}
