//! One HTML file that needs nothing else: no script, no font, no picture from anywhere.

use askama::Template;

use super::{
    Sizes,
    plot::{Plot, part},
    subject,
};
use crate::{
    escape::escaped,
    model::report::By,
    view::report::{AccountSum, HostSum, Report},
};

/// Rows of a list.
const MAX_ROWS: usize = 20;

/// The whole page. askama escapes what HTML would take for its own.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    subject: String,
    span: String,
    known: String,
    total: Sizes,
    plots: [Plot; 2],
    lists: Vec<List>,
    version: &'static str,
    made: String,
}

/// Who or what has moved the most.
struct List {
    id: &'static str,
    title: &'static str,
    note: String,
    unit: &'static str,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    beside: String,
    sum: Sizes,
    up: u64,
    down: u64,
}

/// The page of a report that was `made` at a time.
pub fn html(report: &Report, made: &str) -> Result<String, askama::Error> {
    let mut lists = Vec::new();
    if report.account.is_none() {
        lists.push(accounts(report));
    }
    lists.push(hosts(report));
    let page = Page {
        subject: subject(report),
        span: format!("{} to {}", report.since, report.until),
        known: known(report),
        total: Sizes::of(report.uplink, report.downlink),
        plots: [periods(report), hours(report)],
        lists,
        version: env!("CARGO_PKG_VERSION"),
        made: made.to_owned(),
    };
    page.render()
}

fn known(report: &Report) -> String {
    match &report.first_day {
        Some(first) if *first > report.since => format!("Nothing is known before {first}."),
        _ => String::new(),
    }
}

fn periods(report: &Report) -> Plot {
    let (title, unit) = match report.by {
        By::Hour => ("Usage by hour", "Hour"),
        By::Day => ("Usage by day", "Day"),
        By::Month => ("Usage by month", "Month"),
    };
    let name = |start: &str| match start.split_once('T') {
        Some((day, hour)) => format!("{day} {hour}:00"),
        None => start.to_owned(),
    };
    let bars: Vec<_> = report
        .periods
        .iter()
        .map(|period| (name(&period.start), period.uplink, period.downlink))
        .collect();
    let note = "Bytes of each period, downlink below uplink.".to_owned();
    Plot { note, is_wide: true, ..Plot::of("periods", title.to_owned(), unit, &bars) }
}

fn hours(report: &Report) -> Plot {
    let bars: Vec<_> = report
        .hours
        .iter()
        .map(|hour| (format!("{:02}:00", hour.hour), hour.uplink, hour.downlink))
        .collect();
    let note = "All days of the report together.".to_owned();
    Plot { note, is_wide: true, ..Plot::of("hours", "Hours of the day".to_owned(), "Hour", &bars) }
}

fn accounts(report: &Report) -> List {
    let most = report.accounts.first().map_or(0, |it| it.uplink.saturating_add(it.downlink));
    let row = |account: &AccountSum| {
        let beside = match account.unit.as_str() {
            "ip" => account.service.word().to_owned(),
            unit => format!("{}, {unit}", account.service),
        };
        row(&account.name, beside, (account.uplink, account.downlink), most)
    };
    List {
        id: "accounts",
        title: "Top accounts",
        note: shown(report.accounts.len(), "account"),
        unit: "Account",
        rows: report.accounts.iter().take(MAX_ROWS).map(row).collect(),
    }
}

fn hosts(report: &Report) -> List {
    let most = report.hosts.first().map_or(0, |it| it.uplink.saturating_add(it.downlink));
    let row = |host: &HostSum| {
        let since = host.first_seen.as_deref().and_then(|time| time.get(..10)).unwrap_or_default();
        let beside = if since.is_empty() { String::new() } else { format!("since {since}") };
        row(&host.host, beside, (host.uplink, host.downlink), most)
    };
    let note = match report.hosts.len() {
        0 => "No bytes are known of any host.".to_owned(),
        _ => "Bytes since each host was first seen, not of the report's days alone.".to_owned(),
    };
    List {
        id: "hosts",
        title: "Top hosts",
        note,
        unit: "Host",
        rows: report.hosts.iter().take(MAX_ROWS).map(row).collect(),
    }
}

fn row(name: &str, beside: String, (up, down): (u64, u64), most: u64) -> Row {
    let name = escaped(name);
    Row { name, beside, sum: Sizes::of(up, down), up: part(up, most), down: part(down, most) }
}

fn shown(count: usize, what: &str) -> String {
    match count {
        0 => format!("No {what} has moved anything."),
        1 => format!("One {what}."),
        count if count > MAX_ROWS => format!("The first {MAX_ROWS} of {count} {what}s."),
        count => format!("All {count} {what}s."),
    }
}
