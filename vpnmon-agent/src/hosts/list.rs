//! What is shown of the hosts.

use std::sync::Arc;

use super::{
    Hosts,
    host::{Host, Visit, add},
    source::Overflow,
};
use crate::{
    model::{Bytes, sighting::HostFilter},
    time::rfc3339,
    view,
};

/// Rows of what is no host; none could have such a name.
pub(super) const OVERFLOW: &str = "*overflow*";
pub(super) const OTHER: &str = "*other*";

/// All there is to list, as it was at one moment: rows of many thousand hosts take a while, so they
/// are made where nothing waits for them.
#[derive(Debug)]
pub struct Listing {
    hosts: Vec<Arc<Host>>,
    overflows: Vec<Overflow>,
}

impl Listing {
    /// The hosts that are wanted, by name, and the rows of what was not taken.
    pub fn rows(&self, filter: &HostFilter) -> Vec<view::hosts::Host> {
        let hosts = self.hosts.iter().filter_map(|host| row(host, filter));
        let overflows = self.overflows.iter().filter_map(|it| overflow(it, filter));
        let mut rows: Vec<_> = hosts.chain(overflows).collect();
        rows.sort_by(|a, b| a.host.cmp(&b.host));
        rows
    }
}

impl Hosts {
    /// What there is now.
    pub fn listing(&self) -> Listing {
        Listing {
            hosts: self.table.iter().cloned().collect(),
            overflows: self.table.overflows().cloned().collect(),
        }
    }

    /// The hosts that are wanted, and the rows of what was not taken.
    #[cfg(test)]
    pub fn list(&self, filter: &HostFilter) -> Vec<view::hosts::Host> {
        let rows = self.table.iter().filter_map(|host| row(host, filter));
        let overflows = self.table.overflows().filter_map(|it| overflow(it, filter));
        rows.chain(overflows).collect()
    }

    /// Where an account has been, and what of its bytes went to no host that is known.
    pub fn of_account(&self, account: &view::Account) -> Vec<view::hosts::Host> {
        let (service, name) = (account.service, account.name.as_str());
        let is_theirs = |visit: &Visit| visit.is_of_account(service, name);
        let mut rows: Vec<_> =
            self.table.iter().filter_map(|host| visited(host, is_theirs)).collect();
        let user = HostFilter { user: Some(name.to_owned()), ..HostFilter::default() };
        rows.extend(self.table.overflows().filter_map(|it| overflow(it, &user)));
        let known = |bytes: fn(&view::hosts::Host) -> Option<u64>| -> u64 {
            rows.iter().filter_map(bytes).sum()
        };
        let uplink = account.uplink.saturating_sub(known(|row| row.uplink));
        let downlink = account.downlink.saturating_sub(known(|row| row.downlink));
        if uplink + downlink > 0 {
            rows.push(other(Some(name), Bytes { uplink, downlink }));
        }
        rows
    }
}

/// The row of a host; of those wanted, the sums of their visits alone. `None` where none is.
fn row(host: &Host, filter: &HostFilter) -> Option<view::hosts::Host> {
    if filter.is_open() {
        return Some(whole(host));
    }
    let wanted =
        |visit: &Visit| filter.wants(visit.user.as_deref(), visit.service.word(), Some(visit.kind));
    visited(host, wanted).or_else(|| {
        // By what is shown of it: a host that an admin has put there has no visits.
        let is_wanted = filter.wants(host.user.as_deref(), &host.service, host.kind);
        is_wanted.then(|| whole(host))
    })
}

/// The sums of these visits; `None` where there is none.
fn visited(host: &Host, wanted: impl Fn(&Visit) -> bool) -> Option<view::hosts::Host> {
    let visits: Vec<_> = host.visits.iter().filter(|visit| wanted(visit)).collect();
    if visits.is_empty() {
        return None;
    }
    let shown = visits.iter().find(|visit| visit.kind.is_visit()).unwrap_or(&visits[0]);
    let mut bytes = None;
    for visit in visits.iter().filter_map(|visit| visit.bytes) {
        add(&mut bytes, visit);
    }
    Some(view::hosts::Host {
        kind: Some(shown.kind),
        service: shown.service.word().to_owned(),
        user: shown.user.as_deref().map(str::to_owned),
        source_ip: shown.source_ip,
        first_seen: moment(visits.iter().map(|visit| visit.first_seen).min().unwrap_or_default()),
        last_seen: moment(visits.iter().map(|visit| visit.last_seen).max().unwrap_or_default()),
        count: visits.iter().map(|visit| visit.count).sum(),
        uplink: bytes.map(|it| it.uplink),
        downlink: bytes.map(|it| it.downlink),
        ..whole(host)
    })
}

pub(super) fn whole(host: &Host) -> view::hosts::Host {
    view::hosts::Host {
        host: host.name.as_ref().to_owned(),
        kind: host.kind,
        service: host.service.as_ref().to_owned(),
        user: host.user.as_deref().map(str::to_owned),
        source_ip: host.source_ip,
        first_seen: moment(host.first_seen),
        last_seen: moment(host.last_seen),
        count: host.count,
        uplink: host.bytes.map(|it| it.uplink),
        downlink: host.bytes.map(|it| it.downlink),
        odd: host.is_odd,
    }
}

fn overflow(overflow: &Overflow, filter: &HostFilter) -> Option<view::hosts::Host> {
    let last = &overflow.last;
    let is_wanted = filter.wants(last.user.as_deref(), last.service.word(), Some(last.kind));
    is_wanted.then(|| not_taken(overflow))
}

/// The row of names that were not taken.
pub(super) fn not_taken(overflow: &Overflow) -> view::hosts::Host {
    let Overflow { last, first_seen, count } = overflow;
    view::hosts::Host {
        host: OVERFLOW.to_owned(),
        kind: Some(last.kind),
        service: last.service.word().to_owned(),
        user: last.user.clone(),
        source_ip: last.source_ip,
        first_seen: moment(*first_seen),
        last_seen: moment(last.at),
        count: *count,
        uplink: None,
        downlink: None,
        odd: true,
    }
}

/// The row of bytes that went to no host that is kept apart; without a user those of all accounts.
pub(super) fn other(user: Option<&str>, bytes: Bytes) -> view::hosts::Host {
    view::hosts::Host {
        host: OTHER.to_owned(),
        kind: None,
        service: String::new(),
        user: user.map(str::to_owned),
        source_ip: None,
        first_seen: None,
        last_seen: None,
        count: 0,
        uplink: Some(bytes.uplink),
        downlink: Some(bytes.downlink),
        odd: true,
    }
}

fn moment(unix_seconds: u64) -> Option<String> {
    (unix_seconds != 0).then(|| rfc3339(unix_seconds))
}
