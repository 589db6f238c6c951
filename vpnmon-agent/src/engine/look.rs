//! The answer to `top`, which asks ten times a second: only what is shown is built.

use std::cmp::{Ordering, Reverse};

use super::{Engine, status::NoAnswer, status::Wanted};
use crate::{
    event::Now,
    ledger::{AccountId, record::Record},
    model::{
        Bytes, Service,
        look::{Look, Page},
        order::SortKey,
    },
    users::TRANSPORT,
    view::{
        self, State,
        screen::{Rows, Screen, Shown, Totals},
    },
};

/// An account and the number it is sorted by, least first.
type Ranked<'a> = (u64, AccountId, &'a Record);

impl Engine {
    /// The part of the accounts or hosts that is looked at.
    pub fn look(&self, look: &Look, now: Now) -> Result<Screen, NoAnswer> {
        let shown = match look {
            Look::Accounts(page) => Shown::Accounts(self.accounts_of(page, now)),
            Look::Hosts(page) => Shown::Hosts(self.hosts.page(page, self.bytes_by_sockets())),
            Look::Account { account, hosts } => self.one_account(account, *hosts, now)?,
        };
        Ok(Screen {
            agent: self.agent(),
            totals: self.totals(now),
            captures: self.captures(),
            now: now.unix_seconds,
            shown,
        })
    }

    fn one_account(&self, name: &str, hosts: usize, now: Now) -> Result<Shown, NoAnswer> {
        let mut status = self.status(&Wanted::Named(name.to_owned()), now)?;
        let Some(account) = status.accounts.pop() else {
            return Err(NoAnswer::Unknown(name.to_owned()));
        };
        let visited = self.hosts_of(&account);
        let page = Page::<()> { rows: hosts, ..Page::default() };
        let matching = visited.len();
        let rows = page.cut(visited, |a, b| b.last_seen.cmp(&a.last_seen));
        let hosts = Rows { matching, offset: 0, rows };
        Ok(Shown::Account { account: Box::new(account), hosts })
    }

    /// What all accounts have moved whose bytes can count for hosts. Xray's users have no sockets, and
    /// what carries sessions goes to no host of a user's.
    fn bytes_by_sockets(&self) -> Bytes {
        let records = self.ledger.iter().map(|(_, account)| &account.record);
        let has_sockets = |record: &&Record| {
            let is_transport = record.service == Service::System && record.name == TRANSPORT;
            !is_transport && !record.service.is_xray()
        };
        records.filter(has_sockets).fold(Bytes::default(), |sum, record| Bytes {
            uplink: sum.uplink.saturating_add(record.bytes.uplink),
            downlink: sum.downlink.saturating_add(record.bytes.downlink),
        })
    }

    fn accounts_of(&self, page: &Page<SortKey>, now: Now) -> Rows<view::Account> {
        let wanted = self.ledger.iter().filter_map(|(id, account)| {
            let record = &account.record;
            let is_wanted = page.wants(&[&record.name, record.service.word()]);
            is_wanted.then(|| (self.rank(page.sort, id, record, now), id, record))
        });
        let wanted: Vec<Ranked<'_>> = wanted.collect();
        let matching = wanted.len();
        let by_name = matches!(page.sort, SortKey::Name | SortKey::Service);
        let rows = page.cut(wanted, |a, b| compare(a, b, by_name));
        let rows = rows.into_iter().map(|(_, id, _)| self.row(id, now)).collect();
        Rows { matching, offset: page.offset.min(matching), rows }
    }

    fn rank(&self, sort: SortKey, id: AccountId, record: &Record, now: Now) -> u64 {
        let rate = |of: fn(crate::model::Bytes) -> u64| self.rates.of(id).map_or(0, of);
        // Largest first.
        let first = |number: u64| u64::MAX - number;
        match sort {
            SortKey::Name => 0,
            SortKey::Service => record.service as u64,
            SortKey::Today => first(self.standing(record, now).daily_usage),
            SortKey::Total => first(record.total_usage()),
            SortKey::Left => self.standing(record, now).remaining.unwrap_or(u64::MAX),
            SortKey::Up => first(rate(|bps| bps.uplink)),
            SortKey::Down => first(rate(|bps| bps.downlink)),
            SortKey::State => first(self.standing(record, now).state as u64),
        }
    }

    fn totals(&self, now: Now) -> Totals {
        let mut totals = Totals { hosts: self.hosts.count(), ..Totals::default() };
        for (_, account) in self.ledger.iter() {
            totals.accounts += 1;
            match self.standing(&account.record, now).state {
                State::Ok => {}
                State::Warning => totals.warning += 1,
                State::Exceeded => totals.exceeded += 1,
                State::Disabled => totals.disabled += 1,
            }
        }
        totals.online = self.sessions.online();
        let sum = self.rates.sum();
        totals.uplink_bps = sum.map(|bps| bps.uplink);
        totals.downlink_bps = sum.map(|bps| bps.downlink);
        totals
    }
}

/// Names cost a look into memory far away: they decide only where they are asked for. Otherwise
/// who has used more comes first, then who was there first.
fn compare(a: &Ranked<'_>, b: &Ranked<'_>, by_name: bool) -> Ordering {
    let tie = || {
        let names = if by_name { a.2.name.cmp(&b.2.name) } else { Ordering::Equal };
        let used = |record: &Record| Reverse(record.total_usage());
        names.then_with(|| (used(a.2), a.1).cmp(&(used(b.2), b.1)))
    };
    a.0.cmp(&b.0).then_with(tie)
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
