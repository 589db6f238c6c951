//! The list of accounts.

use ratatui::{style::Style, text::Line};

use super::{
    App,
    history::Way,
    key_of,
    paint::Paint,
    sheet::{Column, Sheet, marked},
};
use crate::{
    model::order::SortKey,
    ui::units,
    view::{Account, State, screen::Rows},
};

const SERVICE: usize = 1;
const TODAY: usize = 3;
const TOTAL: usize = 4;
const LEFT: usize = 6;
const USED: usize = 7;
const UP: usize = 8;
const DOWN: usize = 9;
const RATE: usize = 10;
const STATE: usize = 11;

const COLUMNS: [Column; 12] = [
    Column::text("ACCOUNT", 10, 14, 0),
    Column::text("SERVICE", 7, 4, 7),
    Column::number("ON", 2, 11),
    Column::number("TODAY", 7, 8),
    Column::number("TOTAL", 7, 2),
    Column::number("LIMIT", 7, 9),
    Column::number("LEFT", 7, 10),
    Column::text("USED", 11, 18, 3),
    Column::number("UP/s", 6, 5),
    Column::number("DOWN/s", 6, 4),
    Column::text("RATE", 6, 54, 6),
    Column::text("STATE", 8, 0, 1),
];

/// Titles and rows, `lines` of them.
pub fn lines(app: &App, shown: &Rows<Account>, paint: Paint, lines: usize) -> Vec<Line<'static>> {
    let sheet = Sheet::fitted(&COLUMNS, usize::from(app.size.0));
    let mut drawn = vec![sheet.titles(paint, Some(sorted(app.accounts.sort)))];
    for (is_selected, account) in app.accounts.visible(shown, lines) {
        let line = row(app, &sheet, account, paint);
        drawn.push(if is_selected { marked(line, paint) } else { line });
    }
    drawn
}

const fn sorted(sort: SortKey) -> usize {
    match sort {
        SortKey::Name => 0,
        SortKey::Service => SERVICE,
        SortKey::Today => TODAY,
        SortKey::Total => TOTAL,
        SortKey::Left => LEFT,
        SortKey::Up => UP,
        SortKey::Down => DOWN,
        SortKey::State => STATE,
    }
}

fn row(app: &App, sheet: &Sheet<'_>, account: &Account, paint: Paint) -> Line<'static> {
    let plain = Style::new();
    let bytes = |bytes: u64| (short(&units::size(bytes)), plain);
    let limit = fullest(account);
    let sessions = account.sessions.len();
    let used = limit.map_or_else(
        || ("-".to_owned(), paint.dim()),
        |(used, limit)| (bar(used, limit, sheet.width(USED)), paint.state(account.state)),
    );
    let rates = app.history.of(&key_of(account), Way::Both, sheet.width(RATE));
    let name = if account.state == State::Disabled { paint.dim() } else { plain };
    let cells = [
        (account.name.clone(), name),
        (account.service.word().to_owned(), paint.dim()),
        (if sessions == 0 { String::new() } else { sessions.to_string() }, paint.good()),
        bytes(account.daily_usage),
        bytes(account.total_usage),
        limit.map_or_else(|| ("-".to_owned(), paint.dim()), |(_, limit)| bytes(limit)),
        account.remaining.map_or_else(|| ("-".to_owned(), paint.dim()), bytes),
        used,
        rate(account.uplink_bps, paint),
        rate(account.downlink_bps, paint),
        (rates, paint.rate()),
        (word(account.state).to_owned(), paint.state(account.state)),
    ];
    sheet.line(cells.into_iter())
}

/// Used and limit, in bytes, of the limit that is nearer to its end; `None` without one.
pub fn fullest(account: &Account) -> Option<(u64, u64)> {
    let total = (account.total_usage, account.total_limit);
    let daily = (account.daily_usage, account.daily_limit);
    let limits = [daily, total].into_iter().filter(|(_, limit)| *limit > 0);
    limits.max_by_key(|(used, limit)| u128::from(*used) * 10_000 / u128::from(*limit))
}

/// A bar and its percent: `████░░░░  50%`.
pub fn bar(used: u64, limit: u64, columns: usize) -> String {
    const PERCENT: usize = 5;
    let percent = u128::from(used) * 100 / u128::from(limit.max(1));
    let room = columns.saturating_sub(PERCENT);
    let filled = (u128::from(used) * room as u128).div_ceil(u128::from(limit.max(1)));
    let filled = usize::try_from(filled).unwrap_or(room).min(room);
    let bar = "█".repeat(filled) + &"░".repeat(room - filled);
    format!("{bar}{:>PERCENT$}", format!("{}%", percent.min(999)))
}

fn rate(bps: Option<u64>, paint: Paint) -> (String, Style) {
    let text = short(&units::rate(bps).replace("it/s", ""));
    (text, if bps.unwrap_or_default() == 0 { paint.dim() } else { Style::new() })
}

/// Without the blank before the unit.
pub fn short(number: &str) -> String {
    number.replace(' ', "")
}

/// The word for a state.
pub const fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Exceeded => "exceeded",
        State::Disabled => "disabled",
    }
}
