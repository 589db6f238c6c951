//! The lines above and below the list.

use ratatui::text::{Line, Span};

use super::{App, Link, Tab, history::Way, paint::Paint, sheet::apart};
use crate::{
    escape::fitted,
    time::local_time,
    ui::units,
    view::screen::{Screen, Shown},
};

/// The agent, what all accounts do, and the tabs.
pub fn above(app: &App, screen: &Screen, paint: Paint) -> Vec<Line<'static>> {
    vec![sums(app, screen, paint), rates(app, screen, paint), tabs(app, screen, paint)]
}

fn sums(app: &App, screen: &Screen, paint: Paint) -> Line<'static> {
    let totals = &screen.totals;
    let width = usize::from(app.size.0);
    let accounts = if totals.accounts == 1 { "account" } else { "accounts" };
    let mut left = vec![
        Span::styled(fitted(&format!("vpnmon {}", screen.agent.version), width), paint.title()),
        Span::raw(format!("  {} {accounts}  {} online", totals.accounts, totals.online)),
    ];
    let mut some = |count: usize, word: &str, style| {
        if count > 0 {
            left.push(Span::raw("  "));
            left.push(Span::styled(format!("{count} {word}"), style));
        }
    };
    some(totals.warning, "warning", paint.warning());
    some(totals.exceeded, "exceeded", paint.bad());
    some(totals.disabled, "disabled", paint.dim());
    let time = local_time(screen.now);
    let clock = time.get(11..).unwrap_or_default().to_owned();
    apart(left, vec![Span::raw(clock)], width)
}

fn rates(app: &App, screen: &Screen, paint: Paint) -> Line<'static> {
    let totals = &screen.totals;
    // Titles, rates and gaps take 38 columns.
    let columns = (usize::from(app.size.0).saturating_sub(38) / 2).min(60);
    let rate = |bps| format!("{:>11} ", units::rate(bps));
    Line::from(vec![
        Span::styled("up   ", paint.dim()),
        Span::raw(rate(totals.uplink_bps)),
        Span::styled(app.history.of_all(Way::Up, columns), paint.rate()),
        Span::styled("   down ", paint.dim()),
        Span::raw(rate(totals.downlink_bps)),
        Span::styled(app.history.of_all(Way::Down, columns), paint.rate()),
    ])
}

fn tabs(app: &App, screen: &Screen, paint: Paint) -> Line<'static> {
    let style = |tab| if app.tab == tab { paint.selected() } else { paint.dim() };
    let left = vec![
        Span::styled(" 1 Accounts ", style(Tab::Accounts)),
        Span::raw(" "),
        Span::styled(" 2 Hosts ", style(Tab::Hosts)),
    ];
    let mut right = Vec::new();
    if app.is_frozen() && app.opened.is_none() {
        right.push(Span::styled("FROZEN", paint.warning().patch(paint.selected())));
        right.push(Span::raw("  "));
    }
    let (find, matching) = match &screen.shown {
        Shown::Accounts(rows) => (&app.accounts.find, rows.matching),
        Shown::Hosts(rows) => (&app.hosts.find, rows.matching),
        Shown::Account { .. } => return Line::from(left),
    };
    if !find.is_empty() {
        let text = format!("find {}: {matching}  ", fitted(find, 20));
        right.push(Span::styled(text, paint.warning()));
    } else if app.tab == Tab::Hosts {
        let off = if screen.captures { "" } else { ", capture is off" };
        right.push(Span::raw(format!("{} hosts{off}  ", screen.totals.hosts)));
    }
    let (sort, is_reverse) = match app.tab {
        Tab::Accounts => (super::key::word(app.accounts.sort), app.accounts.is_reverse),
        Tab::Hosts => (super::key::word(app.hosts.sort), app.hosts.is_reverse),
    };
    let reverse = if is_reverse { ", reversed" } else { "" };
    right.push(Span::styled(format!("by {sort}{reverse}"), paint.dim()));
    apart(left, right, usize::from(app.size.0))
}

/// What works less well than it could.
pub fn degraded(app: &App, screen: &Screen, paint: Paint) -> Option<Line<'static>> {
    let reasons = &screen.agent.degraded;
    let first = reasons.first()?;
    let more = match reasons.len() - 1 {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let text = fitted(&format!("degraded{more}: {first}"), usize::from(app.size.0));
    Some(Line::styled(text, paint.warning()))
}

/// The keys, or what has happened to the agent.
pub fn below(app: &App, paint: Paint) -> Line<'static> {
    let width = usize::from(app.size.0);
    let told = |text: &str, style| Line::styled(fitted(text, width), style);
    if app.is_typing {
        let find = match app.tab {
            Tab::Accounts => &app.accounts.find,
            Tab::Hosts => &app.hosts.find,
        };
        let find = fitted(find, width.saturating_sub(40));
        return told(&format!("find: {find}_   Enter keep  Esc drop"), paint.title());
    }
    match &app.link {
        Link::Down(why) => told(&format!("trying again: {why}"), paint.bad()),
        Link::Back(_) => told("the agent is back", paint.good()),
        Link::Up => keys(app, paint, width),
    }
}

fn keys(app: &App, paint: Paint, width: usize) -> Line<'static> {
    let other = if app.tab == Tab::Accounts { "hosts" } else { "accounts" };
    let freeze = if app.is_frozen() { "go on" } else { "freeze" };
    let all: Vec<(&str, &str)> = if app.has_help {
        vec![("q", "quit"), ("any key", "back")]
    } else if app.opened.is_some() {
        vec![("q", "quit"), ("Esc", "back"), ("Up Down", "move"), ("?", "help")]
    } else {
        let open = (app.tab == Tab::Accounts).then_some(("Enter", "open"));
        let rest =
            [("s", "sort"), ("r", "reverse"), ("/", "find"), ("Space", freeze), ("?", "help")];
        [("q", "quit"), ("Tab", other)].into_iter().chain(open).chain(rest).collect()
    };
    let mut spans = Vec::new();
    let mut taken = 0;
    for (key, word) in all {
        let columns = key.len() + 1 + word.len() + 2;
        if taken + columns > width + 2 {
            break;
        }
        taken += columns;
        spans.extend([
            Span::styled(key.to_owned(), paint.title()),
            Span::styled(format!(" {word}  "), paint.dim()),
        ]);
    }
    Line::from(spans)
}
