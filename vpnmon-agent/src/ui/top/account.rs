//! One account: its limits, rates, sessions and hosts.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    App, Opened,
    accounts::{bar, fullest, word},
    history::Way,
    hosts, key_of,
    paint::Paint,
    shown_key,
};
use crate::{
    escape::fitted,
    time::local_time,
    ui::{table::padded, units},
    view::{Account, Session, State, hosts::Host, screen::Rows},
};

/// Widest bar: longer ones tell no more.
const MOST_BAR: usize = 60;

/// All of it that `lines` have room for.
pub fn lines(
    app: &App,
    opened: &Opened,
    (account, hosts): (&Account, &Rows<Host>),
    paint: Paint,
    lines: usize,
) -> Vec<Line<'static>> {
    let width = usize::from(app.size.0);
    let mut all = numbers(app, account, paint, width);
    all.push(Line::default());
    all.push(titled("SESSIONS", account.sessions.len(), paint));
    all.extend(account.sessions.iter().map(|session| session_line(session, width)));
    all.push(Line::default());
    all.push(titled("HOSTS", hosts.matching, paint));
    if !hosts.rows.is_empty() {
        let now = app.shown_screen().map_or(0, |screen| screen.now);
        all.extend(hosts::of_one(&hosts.rows, now, width, paint));
    }
    // The last line stays in sight.
    let offset = opened.offset.min(all.len().saturating_sub(lines));
    all.into_iter().skip(offset).take(lines).collect()
}

/// Lines that there are to move over.
pub fn count(account: &Account, hosts: &Rows<Host>) -> usize {
    let titles = usize::from(!hosts.rows.is_empty());
    10 + account.sessions.len() + titles + hosts.rows.len()
}

fn numbers(app: &App, account: &Account, paint: Paint, width: usize) -> Vec<Line<'static>> {
    let key = key_of(account);
    let uid = account.uid.map_or_else(String::new, |uid| format!("  uid {uid}"));
    let name = vec![
        Span::styled(fitted(&shown_key(&key), width), paint.title()),
        Span::raw("  "),
        Span::styled(word(account.state), paint.state(account.state)),
        Span::styled(uid, paint.dim()),
    ];
    let rate = |title, bytes, bps, way| {
        let shown = format!("{:>8}  {:>11}  ", units::size(bytes), units::rate(bps));
        let drawn = app.history.of(&key, way, width.saturating_sub(34).min(MOST_BAR));
        Line::from(vec![head(title, paint), Span::raw(shown), Span::styled(drawn, paint.rate())])
    };
    let last = format!(
        "{}, last reset {}, counted in {} bytes",
        local_time(account.last_update),
        account.last_reset,
        account.unit,
    );
    vec![
        Line::from(name),
        limit("today", account, (account.daily_usage, account.daily_limit), paint, width),
        limit("total", account, (account.total_usage, account.total_limit), paint, width),
        rate("uplink", account.uplink, account.uplink_bps, Way::Up),
        rate("downlink", account.downlink, account.downlink_bps, Way::Down),
        Line::from(vec![head("last byte", paint), Span::raw(fitted(&last, width))]),
    ]
}

fn head(title: &str, paint: Paint) -> Span<'static> {
    Span::styled(format!("{title:<11}"), paint.dim())
}

fn limit(
    title: &str,
    account: &Account,
    (used, limit): (u64, u64),
    paint: Paint,
    width: usize,
) -> Line<'static> {
    let used_text = units::size(used);
    if limit == 0 {
        let text = format!("{used_text:>8}  no limit");
        return Line::from(vec![head(title, paint), Span::raw(text)]);
    }
    // The state is the worse of the two: it belongs to the limit that is nearer to its end.
    let is_worse = fullest(account) == Some((used, limit));
    let state = if is_worse { account.state } else { State::Ok };
    let text = format!("{used_text:>8}  of {:>8}  ", units::size(limit));
    let drawn = bar(used, limit, width.saturating_sub(34).min(MOST_BAR));
    Line::from(vec![head(title, paint), Span::raw(text), Span::styled(drawn, paint.state(state))])
}

fn titled(title: &str, count: usize, paint: Paint) -> Line<'static> {
    Line::from(Span::styled(format!("{title} {count}"), paint.title()))
}

fn session_line(session: &Session, width: usize) -> Line<'static> {
    let client = match (session.client, session.client_port) {
        (Some(client), Some(port)) => std::net::SocketAddr::new(client, port).to_string(),
        (Some(client), None) => client.to_string(),
        (None, _) => "unknown address".to_owned(),
    };
    let since = local_time(session.since);
    let line = format!(
        "{}  {}  since {since}",
        padded(&session.server, 8, false),
        padded(&client, 21, false)
    );
    Line::styled(fitted(&line, width), Style::new())
}
