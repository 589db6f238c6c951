//! The list of hosts; new ones are green, as in the panel.

use ratatui::{style::Style, text::Line};

use super::{
    App,
    accounts::short,
    paint::Paint,
    sheet::{Column, Sheet, marked},
};
use crate::{
    model::order::HostSort,
    ui::units,
    view::{hosts::Host, screen::Rows},
};

/// So long a host is new.
const NEW_SECONDS: i64 = 60;

const COLUMNS: [Column; 8] = [
    Column::text("HOST", 24, 60, 0),
    Column::text("USER", 10, 14, 2),
    Column::text("SERVICE", 8, 3, 4),
    Column::text("KIND", 10, 0, 6),
    Column::text("SOURCE", 15, 24, 7),
    Column::number("COUNT", 6, 3),
    Column::number("BYTES", 7, 5),
    Column::text("LAST", 8, 0, 1),
];
const COUNT: usize = 5;
const BYTES: usize = 6;
const LAST: usize = 7;

/// Titles and rows, `lines` of them.
pub fn lines(app: &App, shown: &Rows<Host>, paint: Paint, lines: usize) -> Vec<Line<'static>> {
    let sheet = Sheet::fitted(&COLUMNS, usize::from(app.size.0));
    let now = app.shown_screen().map_or(0, |screen| screen.now);
    let sorted = match app.hosts.sort {
        HostSort::Host => 0,
        HostSort::Count => COUNT,
        HostSort::Bytes => BYTES,
        HostSort::Last => LAST,
    };
    let mut drawn = vec![sheet.titles(paint, Some(sorted))];
    for (is_selected, host) in app.hosts.visible(shown, lines) {
        let line = row(&sheet, host, now, paint);
        drawn.push(if is_selected { marked(line, paint) } else { line });
    }
    drawn
}

/// Titles and rows of one account's hosts.
pub fn of_one(hosts: &[Host], now: u64, width: usize, paint: Paint) -> Vec<Line<'static>> {
    let sheet = Sheet::fitted(&COLUMNS, width);
    let rows = hosts.iter().map(|host| row(&sheet, host, now, paint));
    std::iter::once(sheet.titles(paint, Some(LAST))).chain(rows).collect()
}

fn row(sheet: &Sheet<'_>, host: &Host, now: u64, paint: Paint) -> Line<'static> {
    let plain = Style::new();
    let dash = || "-".to_owned();
    let is_quiet = host.odd || host.kind.is_some_and(|kind| !kind.is_visit());
    let name = match () {
        () if is_new(host, now) => paint.good(),
        () if is_quiet => paint.dim(),
        () => plain,
    };
    let bytes = host.uplink.zip(host.downlink).map(|(up, down)| up.saturating_add(down));
    let service = Some(host.service.clone()).filter(|it| !it.is_empty());
    let cells = [
        (host.host.clone(), name),
        (host.user.clone().unwrap_or_else(dash), plain),
        (service.unwrap_or_else(dash), paint.dim()),
        (host.kind.map_or_else(dash, |kind| kind.word().to_owned()), paint.dim()),
        (host.source_ip.map_or_else(dash, |ip| ip.to_string()), plain),
        (host.count.to_string(), plain),
        (bytes.map_or_else(dash, |bytes| short(&units::size(bytes))), plain),
        (last(host, now), plain),
    ];
    sheet.line(cells.into_iter())
}

fn seconds(time: Option<&str>) -> Option<i64> {
    Some(time?.parse::<jiff::Timestamp>().ok()?.as_second())
}

fn is_new(host: &Host, now: u64) -> bool {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    seconds(host.first_seen.as_deref()).is_some_and(|first| now.saturating_sub(first) < NEW_SECONDS)
}

/// The local time of the last sighting; its date where it was not today.
fn last(host: &Host, now: u64) -> String {
    let Some(last) = host.last_seen.as_deref() else { return "-".to_owned() };
    let today = crate::time::rfc3339(now);
    let (date, time) = (last.get(..10), last.get(11..19));
    match (date, time) {
        (Some(date), Some(time)) if today.get(..10) == Some(date) => time.to_owned(),
        (Some(date), _) => date.get(2..).unwrap_or(date).to_owned(),
        _ => last.to_owned(),
    }
}
