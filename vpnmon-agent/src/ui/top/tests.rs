//! Screens, and what keys make of them.

use ratatui::{
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    layout::Rect,
    style::{Color, Modifier},
};

use super::{super::table::example, *};
use crate::{
    model::sighting::Kind,
    view::{
        Session,
        hosts::Host,
        screen::{Rows, Totals},
    },
};

const NOW: u64 = 1_795_518_547;
const COLOR: Paint = Paint { has_color: true };

fn totals() -> Totals {
    Totals {
        accounts: 6,
        online: 1,
        warning: 1,
        exceeded: 1,
        disabled: 1,
        uplink_bps: Some(4_470_000),
        downlink_bps: Some(5_090_000),
        hosts: 4,
    }
}

fn screen(shown: Shown) -> Screen {
    let agent = example::status().agent;
    Screen { agent, totals: totals(), captures: true, now: NOW, shown }
}

fn accounts() -> Vec<Account> {
    let mut accounts = example::accounts();
    let client = Some("198.51.100.7".parse().unwrap());
    let server = "openssh".to_owned();
    accounts[0].sessions =
        vec![Session { server, client, client_port: Some(50312), since: NOW - 500 }];
    accounts.push(example::account(crate::model::Service::Ssh, "evil\x1b[2J\u{202e}gpj"));
    accounts
}

fn hosts() -> Vec<Host> {
    let row = |host: &str, kind, ago: u64| Host {
        host: host.to_owned(),
        kind: Some(kind),
        service: "SSH".to_owned(),
        user: Some("alice".to_owned()),
        source_ip: Some("198.51.100.7".parse().unwrap()),
        first_seen: Some(crate::time::rfc3339(NOW - ago)),
        last_seen: Some(crate::time::rfc3339(NOW - ago.min(100))),
        count: ago,
        uplink: None,
        downlink: None,
        odd: false,
    };
    vec![
        row("new.example.org", Kind::Sni, 5),
        Host {
            uplink: Some(1),
            downlink: Some(2048),
            ..row("www.example.org", Kind::HttpHost, 90)
        },
        row("asked.example.org", Kind::Dns, 5000),
        Host { odd: true, user: None, ..row(r"evil\x1b[2J", Kind::Sni, 200_000) },
    ]
}

fn rows<Row: Clone>(all: &[Row], offset: usize, count: usize) -> Rows<Row> {
    let rows = all.iter().skip(offset).take(count).cloned().collect();
    Rows { matching: all.len(), offset: offset.min(all.len()), rows }
}

/// What an agent with these accounts and hosts says, in their order.
fn reply(look: &Look, accounts: &[Account], hosts: &[Host]) -> Screen {
    screen(match look {
        Look::Accounts(page) => {
            let found: Vec<_> =
                accounts.iter().filter(|it| page.wants(&[&it.name])).cloned().collect();
            Shown::Accounts(rows(&found, page.offset, page.rows))
        }
        Look::Hosts(page) => Shown::Hosts(rows(hosts, page.offset, page.rows)),
        Look::Account { account, .. } => Shown::Account {
            account: Box::new(accounts.iter().find(|it| key_of(it) == *account).unwrap().clone()),
            hosts: rows(hosts, 0, 100),
        },
    })
}

fn answer(app: &mut App) {
    // What is frozen asks nothing; what scrolls asks until it has what it wants.
    for _ in 0..3 {
        let Some(look) = app.look() else { return };
        app.answered(&look, reply(&look, &accounts(), &hosts()));
    }
}

fn app(width: u16, height: u16) -> App {
    let mut app = App::new((width, height), false);
    answer(&mut app);
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.split(' ') {
        let code = match key {
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Tab" => KeyCode::Tab,
            "Down" => KeyCode::Down,
            "End" => KeyCode::End,
            "Space" => KeyCode::Char(' '),
            key => KeyCode::Char(key.chars().next().unwrap()),
        };
        assert_eq!(app.press(KeyEvent::new(code, KeyModifiers::NONE)), Asked::Nothing, "{key}");
        answer(app);
    }
}

fn drawn(app: &App, paint: Paint) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    app.draw(&mut buffer, paint);
    buffer
}

/// The screen as text, without the blanks at the ends.
fn text(app: &App) -> String {
    let buffer = drawn(app, COLOR);
    let mut text = String::new();
    for y in 0..app.size.1 {
        let line: String = (0..app.size.0).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What after `keys` is on a screen of that size, as it was judged right.
fn check(name: &str, (width, height): (u16, u16), keys: &str) {
    let mut app = app(width, height);
    if !keys.is_empty() {
        press(&mut app, keys);
    }
    insta::assert_snapshot!(name, text(&app));
}

#[test]
fn screens() {
    check("accounts-80x24", (80, 24), "");
    check("accounts-200x50", (200, 50), "");
    check("accounts-40x8", (40, 8), "");
    check("hosts-80x24", (80, 24), "Tab");
    check("hosts-200x50", (200, 50), "2");
    check("account-80x24", (80, 24), "Enter");
    check("account-200x50", (200, 50), "Down Down Enter");
    check("help-80x24", (80, 24), "?");
    check("find-80x24", (80, 24), "/ a l");
    check("frozen-80x24", (80, 24), "Space");
}

/// The colour of the text on the screen.
fn color_of(app: &App, what: &str, paint: Paint) -> Color {
    let buffer = drawn(app, paint);
    let text = text(app);
    let (y, line) = text.lines().enumerate().find(|(_, line)| line.contains(what)).unwrap();
    let x = line[..line.find(what).unwrap()].chars().count();
    buffer[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())].fg
}

#[test]
fn the_colours_are_the_panels() {
    let (accounts, mut hosts) = (app(80, 24), app(80, 24));
    press(&mut hosts, "Tab");
    for (app, what, expected) in [
        (&accounts, "ok", Color::Green),
        (&accounts, "██████ 100%", Color::Red),
        (&accounts, "█████░  82%", Color::Yellow),
        (&hosts, "new.example.org", Color::Green),
        (&hosts, "www.example.org", Color::Reset),
    ] {
        assert_eq!(color_of(app, what, COLOR), expected, "{what}");
        assert_eq!(color_of(app, what, Paint { has_color: false }), Color::Reset, "{what}");
    }
}

#[test]
fn of_the_row_under_the_cursor_the_name_alone_is_marked() {
    for (keys, width) in [("Down", 15), ("Tab Down", 31)] {
        let mut app = app(80, 24);
        press(&mut app, keys);
        let buffer = drawn(&app, COLOR);
        // The tabs above have a mark too.
        let cells = (4..24).flat_map(|y| (0..80).map(move |x| (x, y)));
        let marked = cells.filter(|at| buffer[*at].modifier.contains(Modifier::REVERSED));
        let expected: Vec<_> = (0..width).map(|x| (x, 5)).collect();
        assert_eq!(marked.collect::<Vec<_>>(), expected, "{keys}");
    }
}

#[test]
fn no_size_and_no_key_is_too_much() {
    for width in [0, 1, 2, 5, 11, 23, 39, 60, 79, 80, 200, 500] {
        for height in [0, 1, 2, 3, 4, 5, 9, 10, 24, 200] {
            let mut app = app(width, height);
            for keys in
                ["End", "Down Down", "Enter", "End Down", "Esc", "Tab End", "Space End", "?"]
            {
                press(&mut app, keys);
                drawn(&app, COLOR);
                app.resize((height, width));
                drawn(&app, COLOR);
                app.resize((width, height));
            }
        }
    }
}

#[test]
fn the_cursor_goes_with_its_row() {
    let mut app = app(80, 24);
    press(&mut app, "Down Down");
    let held = app.selected_account();
    assert_eq!(held.as_deref(), Some("ssh:carol"));
    let look = app.look().unwrap();
    let mut others = accounts();
    others.reverse();
    app.answered(&look, reply(&look, &others, &[]));
    assert_eq!(app.selected_account(), held);
}

#[test]
fn until_it_is_moved_it_stays_on_top() {
    let mut app = app(80, 24);
    let look = app.look().unwrap();
    let mut others = accounts();
    others.reverse();
    app.answered(&look, reply(&look, &others, &[]));
    assert_eq!(app.selected_account(), Some(key_of(&others[0])));
}

#[test]
fn a_long_list_scrolls() {
    let mut app = App::new((80, 24), false);
    let many: Vec<_> = (0..50_000)
        .map(|number| example::account(crate::model::Service::Ssh, &format!("u{number}")))
        .collect();
    let answer = |app: &mut App| {
        let look = app.look().unwrap();
        app.answered(&look, reply(&look, &many, &[]));
    };
    answer(&mut app);
    for (code, expected) in [
        (KeyCode::End, "ssh:u49999"),
        (KeyCode::PageUp, "ssh:u49982"),
        (KeyCode::Home, "ssh:u0"),
        (KeyCode::PageDown, "ssh:u17"),
        (KeyCode::Up, "ssh:u16"),
    ] {
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
        answer(&mut app);
        assert_eq!(app.selected_account().as_deref(), Some(expected), "{code:?}");
        assert!(text(&app).contains(expected.strip_prefix("ssh:").unwrap()));
    }
}

#[test]
fn what_is_frozen_stands_still() {
    let mut app = app(80, 24);
    press(&mut app, "Space");
    assert_eq!(app.look(), None);
    let before = text(&app);
    press(&mut app, "Down");
    assert_eq!(app.selected_account().as_deref(), Some("ssh:bob"));
    press(&mut app, "Enter Esc");
    assert_eq!(app.look(), None, "it comes back to the frozen list");
    press(&mut app, "Space");
    assert!(app.look().is_some());
    assert_ne!(text(&app), before);
}

#[test]
fn a_lost_agent_is_told_and_so_is_its_return() {
    let mut app = app(80, 24);
    app.lost("the agent is not running".to_owned());
    let told = text(&app);
    assert!(told.contains("trying again: the agent is not running"), "{told}");
    assert!(told.contains("alice"), "what was known stays: {told}");
    let look = app.look().unwrap();
    app.answered(&look, reply(&look, &accounts(), &[]));
    assert!(text(&app).contains("the agent is back"));
    let later = Screen { now: NOW + 6, ..reply(&look, &accounts(), &[]) };
    app.answered(&look, later);
    assert!(text(&app).contains("q quit"));
}

#[test]
fn only_a_change_is_drawn() {
    let mut app = app(80, 24);
    let look = app.look().unwrap();
    assert!(!app.answered(&look, reply(&look, &accounts(), &[])));
    let mut others = accounts();
    others[0].uplink += 1;
    others[0].total_usage += 1;
    assert!(app.answered(&look, reply(&look, &others, &[])));
}
