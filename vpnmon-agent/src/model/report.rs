//! What a report is asked for.

use clap::ValueEnum;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Service;

/// The length of a report's periods, in local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Hours
    Hour,
    /// Days
    #[default]
    Day,
    /// Months
    Month,
}

impl By {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// Which usage, of when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// `name` or `service:name`; all accounts without.
    pub account: Option<String>,
    /// Of this service; without it and a name, of all but `system`.
    pub service: Option<Service>,
    /// The first day, local.
    pub since: Date,
    /// The last day, local.
    pub until: Date,
    /// What sums are made of.
    pub by: By,
    /// With each account's sum of each period.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detail: bool,
    /// With so many hosts, those of the most bytes.
    #[serde(default)]
    pub hosts: usize,
}
