//! A report as people and other programs read it: tables, CSV, one HTML page.

mod csv;
mod page;
mod plot;
mod table;
#[cfg(test)]
mod tests;

pub use self::{csv::rows as comma_separated, page::html, table::table};

use crate::{escape::escaped, ui::units, view::report::Report};

/// Bytes of one row, as sizes.
#[derive(Debug, Clone)]
struct Sizes {
    up: String,
    down: String,
    both: String,
}

impl Sizes {
    fn of(uplink: u64, downlink: u64) -> Self {
        let both = units::size(uplink.saturating_add(downlink));
        Self { up: units::size(uplink), down: units::size(downlink), both }
    }
}

/// Whose usage it is.
fn subject(report: &Report) -> String {
    match (&report.account, report.service) {
        (Some(account), _) => escaped(account),
        (None, Some(service)) => format!("all accounts of {service}"),
        (None, None) => "all accounts".to_owned(),
    }
}
