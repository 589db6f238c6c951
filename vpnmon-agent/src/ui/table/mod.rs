//! The status as a table for people.

mod banner;
mod columns;
#[cfg(test)]
pub mod example;
mod layout;
mod online;
#[cfg(test)]
mod tests;

use jiff::ZonedDateTime;

use self::layout::Layout;
use super::color::{self, BOLD, painted};
use crate::{
    escape::{fitted, width},
    model::Service,
    view::{Account, Status},
};

/// Lines that are always there: the header and the titles.
const FIXED_LINES: usize = 2;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableStyle {
    /// Columns.
    pub width: usize,
    /// Lines, if the table is to fit in them.
    pub height: Option<usize>,
    /// Whether escape sequences for colours are understood.
    pub color: bool,
}

/// The table, in the accounts' order; every line ends in a newline.
#[must_use]
pub fn render(status: &Status, style: TableStyle) -> String {
    render_at(status, style, &ZonedDateTime::now())
}

/// The table as it is at `now`, which the header shows and counts the uptime to.
#[must_use]
pub fn render_at(status: &Status, style: TableStyle, now: &ZonedDateTime) -> String {
    let height = style.height.unwrap_or(usize::MAX);
    let below = [online::lines(status, style), banner::footer(status, style)].concat();
    let footer = cut(below, height / 3, style.width);
    let room = height.saturating_sub(FIXED_LINES + footer.len());
    let mut lines = vec![banner::header(status, style, now)];
    lines.extend(body(&status.accounts, style, room));
    lines.extend(footer);
    lines.truncate(height);
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The table for other programs: titles, then one line an account; no blank inside a cell.
#[must_use]
pub fn plain(status: &Status) -> String {
    let layout = Layout::whole(&status.accounts);
    let rows = status.accounts.iter().map(|account| layout.row(account));
    let lines = std::iter::once(layout.titles()).chain(rows);
    lines.map(|cells| cells.join("  ").trim_end().to_owned() + "\n").collect()
}

fn body(accounts: &[Account], style: TableStyle, room: usize) -> Vec<String> {
    let shown = if accounts.len() > room { room.saturating_sub(1) } else { accounts.len() };
    let layout = Layout::fitted(&accounts[..shown], style.width);
    let titles = layout.titles().join("  ");
    let mut lines = vec![paint_if(style.color, titles.trim_end(), BOLD)];
    lines.extend(accounts[..shown].iter().map(|account| line(&layout, account, style.color)));
    if shown < accounts.len() {
        lines.push(more(accounts.len() - shown, style.width));
    }
    lines
}

fn line(layout: &Layout, account: &Account, color: bool) -> String {
    let mut cells = layout.row(account);
    if is_idle(account) {
        return paint_if(color, cells.join("  ").trim_end(), color::DIM);
    }
    // The state is the last column, unless even that did not fit.
    if let Some(state) = cells.last_mut().filter(|_| layout.has_state()) {
        *state = paint_if(color, state.trim_end(), color::of(account.state));
    }
    cells.join("  ").trim_end().to_owned()
}

fn is_idle(account: &Account) -> bool {
    account.service == Service::System && account.uplink == 0 && account.downlink == 0
}

fn paint_if(color: bool, text: &str, style: anstyle::Style) -> String {
    if color { painted(text, style) } else { text.to_owned() }
}

/// The first of `lines`, with a word about the others.
fn cut(mut lines: Vec<String>, room: usize, columns: usize) -> Vec<String> {
    if lines.len() > room {
        let rest = lines.split_off(room.saturating_sub(1));
        lines.extend((room > 0).then(|| more(rest.len(), columns)));
    }
    lines
}

fn more(count: usize, columns: usize) -> String {
    fitted(&format!("… and {count} more"), columns)
}

/// `text` in `columns`, on the right for numbers.
pub fn padded(text: &str, columns: usize, right: bool) -> String {
    let blank = " ".repeat(columns.saturating_sub(width(text)));
    if right { blank + text } else { text.to_owned() + &blank }
}
