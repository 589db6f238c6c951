//! Captured hosts: which names are taken, what is known of each, and what of it is to be written
//! down. No I/O, no clock.
//!
//! What the wire says is bytes; [`name`] is the one place that says what a host name is and makes
//! text of it. [`dns`] and [`quic`] read what the kernel ships because it cannot: a name in pieces,
//! and a name under a cipher.

mod bytes;
mod commands;
mod disk;
pub mod dns;
pub mod host;
pub mod keep;
mod list;
pub mod name;
mod own;
mod page;
pub mod quic;
mod source;
mod switch;
mod table;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use self::{
    host::Host,
    keep::Keep,
    name::{HostName, NameError},
    own::OwnNames,
    switch::Switch,
    table::{Table, Taken},
};
use crate::{
    model::sighting::Sighting,
    time::{Now, rfc3339},
    view::hosts::HostEvent,
};

pub use self::{keep::Switched, list::Listing};

/// What the config says of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `hosts.enabled`.
    pub enabled: bool,
    /// `hosts.max_hosts`.
    pub max_hosts: u32,
    /// `hosts.max_flows`.
    pub max_flows: u32,
}

/// What a start finds on disk, in the order of `hosts.log`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// The hosts.
    pub hosts: Vec<Host>,
    /// By command.
    pub switched: Option<Switched>,
    /// `hosts.log` does not say the same.
    pub rewrite: bool,
}

/// A line of `hosts.log` that came from elsewhere: an editor, an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In its one spelling.
    pub host: String,
    /// As it stands there.
    pub service: String,
    /// The client.
    pub source_ip: Option<IpAddr>,
    /// Unix time, in seconds; 0 is not known.
    pub seen: u64,
}

/// All hosts that are known.
#[derive(Debug)]
pub struct Hosts {
    table: Table,
    own: OwnNames,
    switch: Switch,
    keep: Keep,
    /// What was not taken, by reason.
    lost: BTreeMap<&'static str, u64>,
}

impl Hosts {
    /// Nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        let max_hosts = usize::try_from(settings.max_hosts).unwrap_or(usize::MAX);
        Self {
            table: Table::new(max_hosts),
            own: OwnNames::default(),
            switch: Switch::new(settings.enabled),
            keep: Keep::default(),
            lost: BTreeMap::new(),
        }
    }

    /// A name was seen. What is to be told and written of it; `None` where it was not taken.
    pub fn see(&mut self, sighting: &Sighting, now: Now) -> Option<Arc<HostEvent>> {
        if !self.switch.is_on() {
            return None;
        }
        let name = match HostName::parse(&sighting.host) {
            Ok(name) => name,
            Err(why) => {
                self.lose(if why == NameError::Empty { "empty" } else { "too-long" }, 1);
                return None;
            }
        };
        if self.own.has(name.as_str()) {
            return None;
        }
        match self.table.see(&name, sighting, now.monotonic) {
            Taken::New { host, evicted } => self.is_new(host, evicted.as_deref()),
            Taken::Known(changed) if changed.line && !name.is_odd() => self.keep.lines_changed(),
            Taken::Known(_) => {}
            Taken::SourceFull => {
                self.lose("source-full", 1);
                return None;
            }
            Taken::TableFull => {
                self.lose("table-full", 1);
                return None;
            }
        }
        let event = Arc::new(event(sighting, &name));
        if self.keep.seen(Arc::clone(&event)) {
            self.lose("disk", 1);
        }
        Some(event)
    }

    fn is_new(&mut self, host: Arc<Host>, evicted: Option<&Host>) {
        self.keep.added(host);
        if evicted.is_some_and(|host| !host.is_odd) {
            self.keep.lines_changed();
        }
    }

    /// What the server itself is called; hosts of these names are no captured ones.
    pub fn set_own_names(&mut self, names: Vec<String>) {
        for name in self.own.set(names) {
            let captured = self.table.get(&name).is_some_and(|host| !host.is_manual);
            if captured && self.table.remove(&name).is_some() {
                self.keep.lines_changed();
            }
        }
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Something was lost that is counted elsewhere.
    pub fn lose(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            let sum = self.lost.entry(reason).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// What was lost, by reason.
    pub const fn lost(&self) -> &BTreeMap<&'static str, u64> {
        &self.lost
    }
}

fn event(sighting: &Sighting, name: &HostName) -> HostEvent {
    HostEvent {
        time: rfc3339(sighting.at),
        host: name.as_str().to_owned(),
        kind: sighting.kind,
        service: sighting.service,
        user: sighting.user.clone(),
        source_ip: sighting.source_ip,
        dest_ip: sighting.dest.map(|it| it.ip()),
        dest_port: sighting.dest.map(|it| it.port()),
        direction: sighting.direction,
        odd: name.is_odd(),
    }
}
