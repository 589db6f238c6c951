//! What keys do.

use clap::ValueEnum;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{App, Asked, Freeze, Opened, Tab, account, list::Step};
use crate::view::screen::Shown;

/// Longest text to look for; no host name is longer.
const MOST_FIND: usize = 253;

impl App {
    /// A key was pressed.
    pub fn press(&mut self, key: KeyEvent) -> Asked {
        if key.kind == KeyEventKind::Release {
            return Asked::Nothing;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Asked::Quit,
                KeyCode::Char('z') => Asked::Suspend,
                KeyCode::Char('l') => Asked::Redraw,
                _ => Asked::Nothing,
            };
        }
        if self.is_typing {
            self.type_in(key.code);
        } else if key.code == KeyCode::Char('q') {
            return Asked::Quit;
        } else if self.has_help {
            self.has_help = false;
        } else if matches!(key.code, KeyCode::Char('?' | 'h') | KeyCode::F(1)) {
            self.has_help = true;
        } else if self.opened.is_some() {
            self.press_in_account(key.code);
        } else {
            self.press_in_list(key.code);
        }
        Asked::Nothing
    }

    fn type_in(&mut self, code: KeyCode) {
        let find = match self.tab {
            Tab::Accounts => &mut self.accounts.find,
            Tab::Hosts => &mut self.hosts.find,
        };
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                find.clear();
                self.is_typing = false;
            }
            KeyCode::Backspace => {
                find.pop();
            }
            KeyCode::Char(character) if find.len() < MOST_FIND => find.push(character),
            _ => return,
        }
        self.restart();
    }

    fn press_in_account(&mut self, code: KeyCode) {
        let lines = self.body_lines() + 1;
        let all = match self.shown() {
            Some(Shown::Account { account, hosts }) => account::count(account, hosts),
            _ => 0,
        };
        let Some(opened) = &mut self.opened else { return };
        let last = all.saturating_sub(lines);
        match step(code, lines) {
            Some(Step::Up(by)) => opened.offset = opened.offset.saturating_sub(by),
            Some(Step::Down(by)) => opened.offset = opened.offset.saturating_add(by).min(last),
            Some(Step::First) => opened.offset = 0,
            Some(Step::Last) => opened.offset = last,
            None if matches!(code, KeyCode::Esc | KeyCode::Backspace | KeyCode::Left) => {
                self.opened = None;
            }
            None => self.change_tab(code),
        }
    }

    fn press_in_list(&mut self, code: KeyCode) {
        let rows = self.body_lines();
        if let Some(step) = step(code, rows) {
            match self.tab {
                Tab::Accounts => self.accounts.step(step, rows),
                Tab::Hosts => self.hosts.step(step, rows),
            }
            return;
        }
        match code {
            KeyCode::Enter | KeyCode::Right => self.open(),
            KeyCode::Char(' ' | 'f') => {
                self.freeze = if self.is_frozen() { Freeze::No } else { Freeze::Asked };
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char('s') => self.sort(true),
            KeyCode::Char('S') => self.sort(false),
            KeyCode::Char('r') => {
                match self.tab {
                    Tab::Accounts => self.accounts.is_reverse ^= true,
                    Tab::Hosts => self.hosts.is_reverse ^= true,
                }
                self.restart();
            }
            KeyCode::Esc => {
                match self.tab {
                    Tab::Accounts => self.accounts.find.clear(),
                    Tab::Hosts => self.hosts.find.clear(),
                }
                self.restart();
            }
            _ => self.change_tab(code),
        }
    }

    fn open(&mut self) {
        if let Some(account) = self.selected_account() {
            self.opened = Some(Opened { account, offset: 0 });
        }
    }

    fn change_tab(&mut self, code: KeyCode) {
        let tab = match (code, self.tab) {
            (KeyCode::Char('1'), _) | (KeyCode::Tab | KeyCode::BackTab, Tab::Hosts) => {
                Tab::Accounts
            }
            (KeyCode::Char('2'), _) | (KeyCode::Tab | KeyCode::BackTab, Tab::Accounts) => {
                Tab::Hosts
            }
            _ => return,
        };
        self.tab = tab;
        self.opened = None;
        self.freeze = Freeze::No;
    }

    fn sort(&mut self, is_next: bool) {
        match self.tab {
            Tab::Accounts => self.accounts.sort = neighbour(self.accounts.sort, is_next),
            Tab::Hosts => self.hosts.sort = neighbour(self.hosts.sort, is_next),
        }
        self.restart();
    }

    /// Other rows are wanted: from the first on, and moving.
    fn restart(&mut self) {
        self.freeze = Freeze::No;
        match self.tab {
            Tab::Accounts => self.accounts.restart(),
            Tab::Hosts => self.hosts.restart(),
        }
    }
}

/// Where the cursor goes by a key; a page keeps one row in sight.
fn step(code: KeyCode, rows: usize) -> Option<Step> {
    let page = rows.saturating_sub(1).max(1);
    Some(match code {
        KeyCode::Up | KeyCode::Char('k') => Step::Up(1),
        KeyCode::Down | KeyCode::Char('j') => Step::Down(1),
        KeyCode::PageUp => Step::Up(page),
        KeyCode::PageDown => Step::Down(page),
        KeyCode::Home | KeyCode::Char('g') => Step::First,
        KeyCode::End | KeyCode::Char('G') => Step::Last,
        _ => return None,
    })
}

/// The next order, or the one before.
fn neighbour<Key: ValueEnum + PartialEq + Copy>(key: Key, is_next: bool) -> Key {
    let all = Key::value_variants();
    let index = all.iter().position(|it| *it == key).unwrap_or_default();
    let by = if is_next { 1 } else { all.len() - 1 };
    all[(index + by) % all.len()]
}

/// The word for an order, as on the command line.
pub fn word<Key: ValueEnum + Copy>(key: Key) -> String {
    key.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
