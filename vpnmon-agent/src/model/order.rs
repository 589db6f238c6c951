//! What lists are sorted by.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What accounts are sorted by: words from A to Z, numbers from the largest, unknown ones last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SortKey {
    /// Account name.
    #[default]
    Name,
    /// Service.
    Service,
    /// Usage of today.
    Today,
    /// Usage since the last reset.
    Total,
    /// What the limit leaves, least first.
    Left,
    /// Uplink rate.
    Up,
    /// Downlink rate.
    Down,
    /// State, worst first.
    State,
}

/// What hosts are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostSort {
    /// Bytes both ways, most first
    Bytes,
    /// The last sighting, latest first
    #[default]
    Last,
    /// How often it was seen, most first
    Count,
    /// Its name
    Host,
}
