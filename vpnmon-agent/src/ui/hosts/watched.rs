//! `hosts watch`: a line a sighting, in columns that stay where they are.

use super::clock;
use crate::{
    escape::{escaped, fitted, width},
    ui::{
        color::{BOLD, DIM, of, painted},
        table::{TableStyle, padded},
    },
    view::{State, hosts::HostEvent},
};

/// Columns of time, service, kind, user and client; the host has the rest.
const FIXED: [usize; 5] = [8, 8, 10, 10, 15];
const GAP: &str = "  ";

/// The titles; without a style they are for other programs.
#[must_use]
pub fn watch_titles(style: Option<TableStyle>) -> String {
    let titles = ["TIME", "SERVICE", "KIND", "USER", "SOURCE"].map(str::to_owned);
    let line = joined(&titles, "HOST", style);
    if style.is_some_and(|style| style.color) { painted(&line, BOLD) } else { line }
}

/// A sighting; green is a visit, as in the panel.
#[must_use]
pub fn watch_line(event: &HostEvent, style: Option<TableStyle>) -> String {
    let dash = || "-".to_owned();
    let time = match style {
        Some(_) => clock(&event.time).get(11..).unwrap_or_default().to_owned(),
        None => event.time.clone(),
    };
    let cells = [
        time,
        event.service.word().to_owned(),
        event.kind.word().to_owned(),
        event.user.clone().unwrap_or_else(dash),
        event.source_ip.map_or_else(dash, |ip| ip.to_string()),
    ];
    let line = joined(&cells, &event.host, style);
    match style {
        Some(style) if style.color && (event.odd || !event.kind.is_visit()) => painted(&line, DIM),
        Some(style) if style.color => painted(&line, of(State::Ok)),
        _ => line,
    }
}

fn joined(cells: &[String; 5], host: &str, style: Option<TableStyle>) -> String {
    let Some(TableStyle { width: columns, .. }) = style else {
        let cells = cells.iter().map(String::as_str).chain([host]);
        let blankless = cells.map(|cell| escaped(cell).replace(' ', "\\x20"));
        return blankless.collect::<Vec<_>>().join(GAP);
    };
    let fixed =
        cells.iter().zip(FIXED).map(|(cell, wide)| padded(&fitted(cell, wide), wide, false));
    let line = fixed.collect::<Vec<_>>().join(GAP) + GAP;
    let room = columns.saturating_sub(width(&line));
    fitted(&(line + &fitted(host, room)), columns).trim_end().to_owned()
}
