//! A line an account and period, for spreadsheets.

use csv::{Terminator, WriterBuilder};

use crate::{escape::escaped, view::report::Report};

/// RFC 4180: titles, then a line for each account and each period in which it has moved anything.
pub fn rows(report: &Report) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(["period", "service", "account", "unit", "uplink", "downlink"])?;
    for row in &report.detail {
        let (Some(period), Some(account)) =
            (report.periods.get(row.period), report.accounts.get(row.account))
        else {
            continue;
        };
        writer.write_record([
            period.start.as_str(),
            account.service.word(),
            &harmless(&account.name),
            &account.unit,
            &row.uplink.to_string(),
            &row.downlink.to_string(),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A name that no spreadsheet takes for a formula.
fn harmless(name: &str) -> String {
    let name = escaped(name);
    if name.starts_with(['=', '+', '-', '@']) { format!("'{name}") } else { name }
}
