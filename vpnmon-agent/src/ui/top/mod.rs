//! `top`: what is on the screen, and what keys make of it. No terminal, no socket, no clock.

mod account;
mod accounts;
mod draw;
mod head;
mod help;
mod history;
mod hosts;
mod key;
mod list;
mod paint;
mod sheet;
#[cfg(test)]
mod tests;

use self::{history::History, list::List};
use crate::{
    escape::escaped,
    model::{
        look::Look,
        order::{HostSort, SortKey},
    },
    view::{
        Account,
        hosts::Host,
        screen::{Screen, Shown},
    },
};

pub use self::paint::Paint;

/// Hosts of an opened account; more are `status USER --hosts`.
const HOSTS_OF_ONE: usize = 500;
/// Seconds that a word about the connection stands.
const NOTICE_SECONDS: u64 = 5;

/// Which list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Accounts,
    Hosts,
}

/// An account that is looked into.
#[derive(Clone, Debug)]
struct Opened {
    /// `service:name`.
    account: String,
    /// Lines above the first one shown.
    offset: usize,
}

/// Everything that is shown.
#[derive(Debug)]
pub struct App {
    tab: Tab,
    accounts: List<SortKey>,
    hosts: List<HostSort>,
    opened: Option<Opened>,
    /// Keys are text to look for.
    is_typing: bool,
    has_help: bool,
    freeze: Freeze,
    /// The last answer.
    screen: Option<Screen>,
    history: History,
    link: Link,
    /// Columns and lines.
    size: (u16, u16),
}

/// Whether the list stands still.
#[derive(Debug, Default)]
enum Freeze {
    #[default]
    No,
    /// The rows around the screen are asked for, to move about in.
    Asked,
    /// It shows these rows.
    At(Box<Screen>),
}

/// The connection to the agent.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    Up,
    /// Why there is none.
    Down(String),
    /// There is one again, since this time of the agent.
    Back(u64),
}

/// What a key asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing more.
    Nothing,
    /// To end.
    Quit,
    /// To stop until the shell lets it go on.
    Suspend,
    /// To draw all anew.
    Redraw,
}

impl App {
    /// The accounts that move most, first, or the hosts seen last.
    #[must_use]
    pub fn new(size: (u16, u16), on_hosts: bool) -> Self {
        Self {
            tab: if on_hosts { Tab::Hosts } else { Tab::Accounts },
            accounts: List::new(SortKey::Down),
            hosts: List::new(HostSort::Last),
            opened: None,
            is_typing: false,
            has_help: false,
            freeze: Freeze::No,
            screen: None,
            history: History::default(),
            link: Link::Up,
            size,
        }
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        let rows = self.body_lines();
        self.accounts.fit(rows);
        self.hosts.fit(rows);
    }

    /// What is to be asked of the agent; `None` while nothing is to change.
    #[must_use]
    pub fn look(&self) -> Option<Look> {
        if let Some(opened) = &self.opened {
            let account = opened.account.clone();
            return Some(Look::Account { account, hosts: HOSTS_OF_ONE });
        }
        let is_whole = match self.freeze {
            Freeze::At(_) => return None,
            Freeze::Asked => true,
            Freeze::No => false,
        };
        let rows = self.body_lines();
        Some(match self.tab {
            Tab::Accounts => Look::Accounts(self.accounts.page(rows, is_whole)),
            Tab::Hosts => Look::Hosts(self.hosts.page(rows, is_whole)),
        })
    }

    /// Whether the last answer is to what is looked at now.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        match self.shown() {
            Some(Shown::Accounts(_)) => self.opened.is_none() && self.tab == Tab::Accounts,
            Some(Shown::Hosts(_)) => self.opened.is_none() && self.tab == Tab::Hosts,
            Some(Shown::Account { account, .. }) => {
                self.opened.as_ref().is_some_and(|opened| opened.account == key_of(account))
            }
            None => false,
        }
    }

    /// The agent has answered. Whether that changes anything on the screen.
    pub fn answered(&mut self, look: &Look, screen: Screen) -> bool {
        if self.link != Link::Up {
            self.came_back(screen.now);
        }
        self.history.note(&screen);
        // Another one is wanted by now.
        if self.look().as_ref() != Some(look) {
            return false;
        }
        let rows = self.body_lines();
        match &screen.shown {
            Shown::Accounts(shown) => self.accounts.follow(shown, rows, key_of),
            Shown::Hosts(shown) => self.hosts.follow(shown, rows, key_of_host),
            Shown::Account { .. } => {}
        }
        if matches!(self.freeze, Freeze::Asked) && self.opened.is_none() {
            self.freeze = Freeze::At(Box::new(screen.clone()));
        }
        let is_change = self.screen.as_ref() != Some(&screen);
        self.screen = Some(screen);
        is_change
    }

    /// The agent is gone.
    pub fn lost(&mut self, why: String) {
        self.link = Link::Down(why);
    }

    /// The account that was opened is no more.
    pub fn refused(&mut self, why: &str) {
        self.opened = None;
        self.link = Link::Down(why.to_owned());
    }

    fn came_back(&mut self, now: u64) {
        match self.link {
            Link::Back(since) if now.saturating_sub(since) >= NOTICE_SECONDS => {
                self.link = Link::Up;
            }
            Link::Down(_) => self.link = Link::Back(now),
            _ => {}
        }
    }

    fn is_frozen(&self) -> bool {
        !matches!(self.freeze, Freeze::No)
    }

    /// The answer that is on the screen.
    fn shown_screen(&self) -> Option<&Screen> {
        match &self.freeze {
            Freeze::At(frozen) if self.opened.is_none() => Some(frozen),
            _ => self.screen.as_ref(),
        }
    }

    fn shown(&self) -> Option<&Shown> {
        self.shown_screen().map(|screen| &screen.shown)
    }

    /// The account under the cursor.
    fn selected_account(&self) -> Option<String> {
        match self.shown()? {
            Shown::Accounts(shown) => {
                self.accounts.index_in(shown).map(|index| key_of(&shown.rows[index]))
            }
            _ => None,
        }
    }
}

/// Names an account to the agent.
fn key_of(account: &Account) -> String {
    format!("{}:{}", account.service, account.name)
}

/// Names a row of the hosts; several sources can have names that were not taken.
fn key_of_host(host: &Host) -> String {
    let Host { host, service, user, source_ip, .. } = host;
    if !host.starts_with('*') {
        return host.clone();
    }
    format!("{host} {service} {user:?} {source_ip:?}")
}

/// A name as it can be shown.
fn shown_key(key: &str) -> String {
    escaped(key)
}
