//! The part of the hosts that a screen shows.

use std::cmp::{Ordering, Reverse};

use super::{
    Hosts,
    host::Host,
    list::{OTHER, OVERFLOW, not_taken, other, whole},
    source::Overflow,
};
use crate::{
    model::{Bytes, look::Page, order::HostSort},
    view::{self, screen::Rows},
};

/// A row before it is built.
enum Row<'a> {
    Host(&'a Host),
    /// Names of a source that were not taken.
    NotTaken(&'a Overflow),
    /// Bytes that went to no host.
    Other(Bytes),
}

impl Hosts {
    /// Hosts that are kept.
    pub fn count(&self) -> usize {
        self.table.len()
    }

    /// A part of the rows that are looked for; what is equal, the later host first. `moved` is what
    /// users have moved in all.
    pub fn page(&self, page: &Page<HostSort>, moved: Bytes) -> Rows<view::hosts::Host> {
        let hosts = self.table.iter().map(|host| Row::Host(host));
        let not_taken = self.table.overflows().map(Row::NotTaken);
        let rows = hosts.chain(not_taken).chain(self.other(moved).map(Row::Other));
        let wanted: Vec<_> = rows.filter(|row| page.wants(&row.words())).collect();
        let matching = wanted.len();
        let rows = page.cut(wanted, |a, b| compare(page.sort, a, b));
        let rows = rows.iter().map(Row::view).collect();
        Rows { matching, offset: page.offset.min(matching), rows }
    }

    /// What of it went to no host that is kept, if anything did.
    fn other(&self, moved: Bytes) -> Option<Bytes> {
        let moved_to = self.table.iter().filter(|host| host.bytes.is_some());
        let visits = moved_to.flat_map(|host| &host.visits);
        let of_users = visits.filter(|visit| visit.user.is_some());
        let rest = of_users.filter_map(|visit| visit.bytes).fold(moved, |rest, known| Bytes {
            uplink: rest.uplink.saturating_sub(known.uplink),
            downlink: rest.downlink.saturating_sub(known.downlink),
        });
        (rest != Bytes::default()).then_some(rest)
    }
}

impl Row<'_> {
    /// Name, user and service.
    fn words(&self) -> [&str; 3] {
        match self {
            Self::Host(host) => {
                [&host.name, host.user.as_deref().unwrap_or_default(), &host.service]
            }
            Self::NotTaken(Overflow { last, .. }) => {
                [OVERFLOW, last.user.as_deref().unwrap_or_default(), last.service.word()]
            }
            Self::Other(_) => [OTHER, "", ""],
        }
    }

    const fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Host(host) => host.bytes,
            Self::NotTaken(_) => None,
            Self::Other(bytes) => Some(*bytes),
        }
    }

    /// When it was last seen, how often, and its place in `hosts.log`.
    const fn sightings(&self) -> (u64, u64, u64) {
        match self {
            Self::Host(host) => (host.last_seen, host.count, host.number),
            Self::NotTaken(overflow) => (overflow.last.at, overflow.count, 0),
            Self::Other(_) => (0, 0, 0),
        }
    }

    fn view(&self) -> view::hosts::Host {
        match self {
            Self::Host(host) => whole(host),
            Self::NotTaken(overflow) => not_taken(overflow),
            Self::Other(bytes) => other(None, *bytes),
        }
    }
}

fn compare(sort: HostSort, a: &Row<'_>, b: &Row<'_>) -> Ordering {
    let bytes = |row: &Row<'_>| row.bytes().map(|it| it.uplink.saturating_add(it.downlink));
    let ((a_last, a_count, a_number), (b_last, b_count, b_number)) = (a.sightings(), b.sightings());
    let order = match sort {
        HostSort::Bytes => bytes(b).cmp(&bytes(a)),
        HostSort::Last => b_last.cmp(&a_last),
        HostSort::Count => b_count.cmp(&a_count),
        HostSort::Host => a.words()[0].cmp(b.words()[0]),
    };
    order.then_with(|| Reverse(a_number).cmp(&Reverse(b_number)))
}
