//! Tables for a terminal.

use super::{Sizes, subject};
use crate::{
    escape::{escaped, fitted, width},
    model::report::By,
    ui::{
        color::{BOLD, DIM, painted},
        table::{TableStyle, padded},
    },
    view::report::{AccountSum, Report},
};

const GAP: usize = 2;
/// Columns that a name has at least.
const LEAST_NAME: usize = 16;
/// A number's column: at most `1023 GiB`, and a gap before it.
const NUMBER: usize = 10;
const NUMBERS: usize = 3 * NUMBER;
/// A longer name is cut rather than a bar left out.
const WANTED_NAME: usize = 32;
/// The longest bar, and the shortest that says anything.
const BARS: std::ops::RangeInclusive<usize> = 8..=36;
/// Accounts and hosts shown; the other formats have more.
const MAX_ROWS: usize = 10;

/// A row: its name, uplink, downlink.
type Row = (String, u64, u64);

/// What was used when, by whom, and for which hosts, in at most `style.width` columns; bars stand
/// beside the rows where a person looks at them.
pub fn table(report: &Report, style: TableStyle, has_bars: bool) -> String {
    let by = report.by.word();
    let (subject, since, until) = (subject(report), &report.since, &report.until);
    let head = format!("Usage of {subject} by {by}, {since} to {until}");
    let mut text = painted_if(style, &fitted(&head, style.width), BOLD) + "\n";
    let periods = report.periods.iter().filter(|it| {
        // Of hours there are many, and most are empty.
        report.by != By::Hour || it.uplink.saturating_add(it.downlink) > 0
    });
    let rows: Vec<_> =
        periods.map(|it| (it.start.replace('T', " "), it.uplink, it.downlink)).collect();
    let section = Section { style, has_bars };
    text += &section.rows(&by.to_uppercase(), &rows);
    text += &section.line(&layout(&rows, style, has_bars), &sum(report), 0);
    if report.account.is_none() {
        let name = |it: &AccountSum| format!("{}:{}", it.service, it.name);
        let rows = report.accounts.iter().map(|it| (name(it), it.uplink, it.downlink));
        text += &section.most("ACCOUNT", rows.collect());
    }
    let rows: Vec<_> =
        report.hosts.iter().map(|it| (it.host.clone(), it.uplink, it.downlink)).collect();
    if !rows.is_empty() {
        text += &section.most("HOST, SINCE FIRST SEEN", rows);
    }
    text
}

fn sum(report: &Report) -> Row {
    ("sum".to_owned(), report.uplink, report.downlink)
}

/// How wide the name and the bar are.
type Layout = (usize, usize);

fn layout(rows: &[Row], style: TableStyle, has_bars: bool) -> Layout {
    let widest = rows.iter().map(|row| width(&escaped(&row.0))).max().unwrap_or_default();
    let room = style.width.saturating_sub(NUMBERS);
    let wanted = widest.max(LEAST_NAME).min(room);
    let bar = room.saturating_sub(wanted.min(WANTED_NAME) + GAP).min(*BARS.end());
    if !has_bars || bar < *BARS.start() {
        return (wanted, 0);
    }
    (wanted.min(room - bar - GAP), bar)
}

/// How a table is drawn.
#[derive(Clone, Copy)]
struct Section {
    style: TableStyle,
    has_bars: bool,
}

impl Section {
    /// Titles and rows.
    fn rows(self, title: &str, rows: &[Row]) -> String {
        let layout = layout(rows, self.style, self.has_bars);
        let name = padded(&fitted(title, layout.0), layout.0, false);
        let titles =
            format!("{name}{:>NUMBER$}{:>NUMBER$}{:>NUMBER$}", "UPLINK", "DOWNLINK", "SUM");
        let most = rows.iter().map(|(_, up, down)| up.saturating_add(*down)).max();
        let lines = rows.iter().map(|row| self.line(&layout, row, most.unwrap_or_default()));
        std::iter::once(painted_if(self.style, &titles, BOLD) + "\n").chain(lines).collect()
    }

    /// The first rows, and how many more there are.
    fn most(self, title: &str, mut rows: Vec<Row>) -> String {
        let more = rows.len().saturating_sub(MAX_ROWS);
        rows.truncate(MAX_ROWS);
        let mut text = "\n".to_owned() + &self.rows(title, &rows);
        if more > 0 {
            text += &painted_if(self.style, &format!("… and {more} more: --json has them"), DIM);
            text.push('\n');
        }
        text
    }

    fn line(self, (name, bar): &Layout, row: &Row, most: u64) -> String {
        let Sizes { up, down, both } = Sizes::of(row.1, row.2);
        let shown = padded(&fitted(&row.0, *name), *name, false);
        let line = format!("{shown}{up:>NUMBER$}{down:>NUMBER$}{both:>NUMBER$}");
        let length = length(row.1.saturating_add(row.2), most, *bar);
        if length == 0 {
            return line + "\n";
        }
        let bar =
            painted_if(self.style, &"▇".repeat(length), anstyle::AnsiColor::Cyan.on_default());
        format!("{line}{:GAP$}{bar}\n", "")
    }
}

/// Columns of a bar; one for whatever is not nothing.
fn length(bytes: u64, most: u64, columns: usize) -> usize {
    if bytes == 0 || most == 0 || columns == 0 {
        return 0;
    }
    let exact = u128::from(bytes) * columns as u128 / u128::from(most);
    usize::try_from(exact).unwrap_or(columns).clamp(1, columns)
}

fn painted_if(style: TableStyle, text: &str, paint: anstyle::Style) -> String {
    if style.color { painted(text, paint) } else { text.to_owned() }
}
