//! Captured hosts: what is seen, and what commands do with it.

use std::sync::Arc;

use super::{Engine, flows::Flows};
use crate::{
    event::{Command, Now},
    hosts::{Hosts, Line, Listing, Restored, Settings, name},
    ledger::incident::{Incident, Kind},
    model::sighting::{HostFilter, Sighting},
    view,
};

/// Before the hosts are opened nothing is captured, and nothing written.
pub const UNOPENED: Settings = Settings { enabled: false, max_hosts: 0, max_flows: 0 };
/// An admin may have typed it.
const MAX_SERVICE_BYTES: usize = 32;
/// Losses that are none of the capture: somebody did not read what there was.
const UNREAD: &str = "slow-watcher";

/// Why a command about hosts is not carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoHost {
    /// It is no host name.
    #[error(
        "{0:?} is no host name; use letters, digits, `-`, `_` and `.`, up to 253 bytes, or an IP \
         address"
    )]
    NoName(String),
    /// It could not stand in `hosts.log`.
    #[error("{0:?} is no service; use a word of up to 32 bytes without `|`, such as SSH")]
    NoService(String),
    /// It is not there.
    #[error("no host {0:?}; `vpnmon-agent hosts list` lists all")]
    Unknown(String),
    /// All places are taken.
    #[error(
        "no room for {0:?}: all places are taken by hosts that were added by hand; remove some, \
         or raise hosts.max_hosts and restart the agent"
    )]
    Full(String),
}

impl Engine {
    /// Takes over what was written down of hosts, and captures from now on if that is on.
    pub fn open_hosts(
        &mut self,
        settings: Settings,
        restored: Restored,
        incidents: Vec<Incident>,
        now: Now,
    ) {
        self.persist.note_all(incidents);
        self.hosts = Hosts::new(settings);
        self.hosts.restore(restored, now);
        self.flows = Flows::new(settings.max_flows);
    }

    /// Whether host names are to be captured: what the kernel is told at a start.
    pub const fn captures(&self) -> bool {
        self.hosts.is_on()
    }

    pub(super) fn sightings(&mut self, sightings: &[Sighting], now: Now) -> Vec<Command> {
        let seen: Vec<_> = sightings.iter().filter_map(|it| self.hosts.see(it, now)).collect();
        if seen.is_empty() { Vec::new() } else { vec![Command::Show(seen)] }
    }

    /// What commands want done besides the answer.
    pub fn take_outbox(&mut self, now: Now) -> Vec<Command> {
        let mut commands = std::mem::take(&mut self.outbox);
        commands.extend(self.rearm(now));
        commands.extend(self.order_xray());
        commands
    }

    /// The hosts that are wanted, by name.
    pub fn list_hosts(&self, filter: &HostFilter) -> Vec<view::hosts::Host> {
        self.hosts.listing().rows(filter)
    }

    /// The same, for another thread to make.
    pub fn listing(&self) -> Listing {
        self.hosts.listing()
    }

    /// Where an account has been.
    pub fn hosts_of(&self, account: &view::Account) -> Vec<view::hosts::Host> {
        self.hosts.of_account(account)
    }

    /// Puts a host there by hand. Its name, and whether that changed something.
    pub fn add_host(
        &mut self,
        word: &str,
        service: Option<String>,
        source_ip: Option<std::net::IpAddr>,
        now: Now,
    ) -> Result<(String, bool), NoHost> {
        let host = name::host(word).ok_or_else(|| NoHost::NoName(word.to_owned()))?;
        let service = service.unwrap_or_default();
        if !is_service(&service) {
            return Err(NoHost::NoService(service));
        }
        let line = Line { host: host.clone(), service, source_ip, seen: now.unix_seconds };
        let is_new = self.hosts.add(&line).map_err(|()| NoHost::Full(host.clone()))?;
        self.persist.note_hosts(Kind::HostsAdded, format!("{host} by command"), now);
        Ok((host, is_new))
    }

    /// Forgets a host. Its name.
    pub fn remove_host(&mut self, word: &str, now: Now) -> Result<Arc<str>, NoHost> {
        let removed = self.hosts.remove(word);
        let name = removed.ok_or_else(|| NoHost::Unknown(word.to_owned()))?;
        self.outbox.push(Command::Forget(Some(Arc::clone(&name))));
        self.persist.note_hosts(Kind::HostsRemoved, format!("{name} by command"), now);
        Ok(name)
    }

    /// Forgets all hosts. How many there were.
    pub fn clear_hosts(&mut self, now: Now) -> usize {
        let count = self.hosts.clear();
        self.outbox.push(Command::Forget(None));
        let reason = format!("{count} hosts forgotten by command");
        self.persist.note_hosts(Kind::HostsCleared, reason, now);
        count
    }

    /// Switches the capture. Whether that is a change.
    pub fn switch_hosts(&mut self, on: bool, now: Now) -> bool {
        let is_change = self.hosts.switch(on);
        self.outbox.push(Command::Capture(on));
        let flows = if on { Vec::new() } else { self.flows.all() };
        if !flows.is_empty() {
            self.outbox.push(Command::Retire(flows));
        }
        let kind = if on { Kind::HostsOn } else { Kind::HostsOff };
        self.persist.note_hosts(kind, "by command".to_owned(), now);
        is_change
    }

    /// Takes over hosts of the old panel. How many are new.
    pub fn import_hosts(&mut self, lines: Vec<Line>, now: Now) -> usize {
        self.hosts.import(lines, now)
    }

    /// The kernel has given up reading so many flows.
    pub(super) fn gave_up(&mut self, reasons: Vec<(&'static str, u64)>) {
        let lost = &mut self.settings.about.lost;
        lost.host_outer_names.get_or_insert(0);
        for (reason, count) in reasons {
            *lost.host_flows_gave_up.get_or_insert(0) += count;
            *lost.host_flow_reasons.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// A name was told that may hide another.
    pub(super) fn is_outer(&mut self) {
        *self.settings.about.lost.host_outer_names.get_or_insert(0) += 1;
    }

    pub(super) fn tell_lost_hosts(&self, lost: &mut view::Lost) {
        let reasons = self.hosts.lost();
        let events = reasons.iter().filter(|(reason, _)| **reason != UNREAD);
        let events: u64 = events.map(|(_, count)| *count).sum();
        lost.host_events = Some(lost.host_events.unwrap_or_default().saturating_add(events));
        let named = reasons.iter().map(|(reason, count)| ((*reason).to_owned(), *count));
        lost.host_reasons.extend(named);
    }
}

/// An empty one is none that was named.
fn is_service(word: &str) -> bool {
    let fits = word.len() <= MAX_SERVICE_BYTES && word == word.trim();
    fits && !word.contains(|c: char| c == '|' || c.is_control())
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
