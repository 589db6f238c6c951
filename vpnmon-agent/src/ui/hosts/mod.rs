//! Hosts as people read them: the list, and a line a sighting.

mod watched;

use std::cmp::Reverse;

use super::{
    color::{BOLD, DIM, painted},
    table::{TableStyle, padded},
    units::size,
};
use crate::{
    escape::{escaped, fitted, width},
    view::hosts::Host,
};

pub use self::watched::{watch_line, watch_titles};
pub use crate::model::order::HostSort;

/// Sorts; what is equal by name.
pub fn sort(hosts: &mut [Host], key: HostSort) {
    hosts.sort_by(|a, b| a.host.cmp(&b.host));
    match key {
        HostSort::Bytes => hosts.sort_by_key(|host| Reverse(bytes(host))),
        // Of one machine's offsets, all but those around a change of its clocks compare as text.
        HostSort::Last => hosts.sort_by(|a, b| b.last_seen.cmp(&a.last_seen)),
        HostSort::Count => hosts.sort_by_key(|host| Reverse(host.count)),
        HostSort::Host => {}
    }
}

fn bytes(host: &Host) -> Option<u64> {
    Some(host.uplink?.saturating_add(host.downlink?))
}

/// A column: its title, the most it takes of a terminal, whether it stands on the right.
type Column = (&'static str, usize, bool);

const GAP: usize = 2;
/// A shorter one would tell no hosts apart.
const LEAST_HOST: usize = 24;
const COLUMNS: [Column; 8] = [
    ("HOST", usize::MAX, false),
    ("USER", 16, false),
    ("SERVICE", 11, false),
    ("SOURCE", 39, false),
    ("KIND", 10, false),
    ("COUNT", 20, true),
    ("BYTES", 8, true),
    ("LAST", 19, false),
];
/// What goes first where it is too narrow.
const LEAST_FIRST: [usize; 7] = [4, 3, 6, 5, 2, 1, 7];

/// A line a host, for a terminal.
#[must_use]
pub fn render(hosts: &[Host], style: TableStyle) -> String {
    let rows: Vec<_> = hosts.iter().map(cells).collect();
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| width(&escaped(&row[column])));
        let (title, most, _) = COLUMNS[column];
        cells.max().unwrap_or_default().min(most).max(title.len())
    };
    let mut widths: Vec<_> = (0..COLUMNS.len()).map(wide).map(Some).collect();
    let host = widths[0].unwrap_or_default();
    let rest = |widths: &[Option<usize>]| -> usize {
        widths.iter().skip(1).flatten().map(|columns| GAP + columns).sum()
    };
    if rows.iter().all(|row| row[6] == "-") {
        widths[6] = None;
    }
    for column in LEAST_FIRST {
        if rest(&widths) + host.min(LEAST_HOST) > style.width {
            widths[column] = None;
        }
    }
    widths[0] = Some(host.min(style.width.saturating_sub(rest(&widths))));
    let titles = line(&COLUMNS.map(|(title, ..)| title.to_owned()), &widths);
    let titles = if style.color { painted(&titles, BOLD) } else { titles };
    let mut text = titles + "\n";
    for (host, row) in hosts.iter().zip(&rows) {
        let line = line(row, &widths);
        // What was only asked for, or is no host at all, needs no look.
        let is_dim = style.color && (host.odd || host.kind.is_some_and(|kind| !kind.is_visit()));
        text.push_str(&if is_dim { painted(&line, DIM) } else { line });
        text.push('\n');
    }
    text
}

/// A line a host, for other programs: no blank inside a cell.
#[must_use]
pub fn plain(hosts: &[Host]) -> String {
    let titles = COLUMNS.map(|(title, ..)| title.to_owned());
    let blankless = |cell: String| escaped(&cell).replace(' ', "\\x20");
    let rows = hosts.iter().map(|host| cells(host).map(|cell| cell.replacen(' ', "T", 1)));
    let rows: Vec<_> = std::iter::once(titles).chain(rows.map(|row| row.map(blankless))).collect();
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max();
    let widths: Vec<_> = (0..COLUMNS.len()).map(widest).collect();
    rows.iter().map(|row| line(row, &widths) + "\n").collect()
}

fn line(row: &[String; 8], widths: &[Option<usize>]) -> String {
    let shown = row.iter().zip(widths).zip(COLUMNS).filter_map(|((cell, columns), column)| {
        let columns = (*columns)?;
        Some(padded(&fitted(cell, columns), columns, column.2))
    });
    let line = shown.collect::<Vec<_>>().join(&" ".repeat(GAP));
    line.trim_end().to_owned()
}

fn cells(host: &Host) -> [String; 8] {
    let dash = || "-".to_owned();
    [
        host.host.clone(),
        host.user.clone().unwrap_or_else(dash),
        Some(host.service.clone()).filter(|it| !it.is_empty()).unwrap_or_else(dash),
        host.source_ip.map_or_else(dash, |ip| ip.to_string()),
        host.kind.map_or_else(dash, |kind| kind.word().to_owned()),
        host.count.to_string(),
        bytes(host).map_or_else(dash, |bytes| size(bytes).replace(' ', "")),
        host.last_seen.as_deref().map_or_else(dash, clock),
    ]
}

/// The local time of an RFC 3339 one.
fn clock(time: &str) -> String {
    time.get(..19).unwrap_or(time).replacen('T', " ", 1)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
