//! Notices: people are told of events by a program or a webhook, beside the loop.
//!
//! Each outlet has a queue and a thread of its own. Whatever one does, hang or fail, the loop only
//! puts events into bounded queues, and the other outlet goes on. `events.jsonl` has all of them.

mod command;
mod format;
mod names;
mod notice;
mod outlet;
mod queue;
mod redact;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;

use self::{
    notice::Notice,
    outlet::{Outlet, Way},
    webhook::Webhook,
};
use crate::{
    config::NotifySection,
    ledger::incident::{Incident, Kind},
    view::metrics,
};

/// How long a stop waits for notices that are on their way.
const LAST_NOTICES: Duration = Duration::from_secs(2);

/// All outlets that the configuration names.
#[derive(Debug)]
pub struct Notifier {
    outlets: Vec<Outlet>,
}

impl Notifier {
    /// Starts a thread for each outlet.
    pub fn start(config: &NotifySection) -> Result<Self> {
        let outlets = ways(config).into_iter().map(|way| Outlet::start(way, host()));
        Ok(Self { outlets: outlets.collect::<Result<_>>()? })
    }

    /// Tells of an event. Never waits.
    pub fn tell(&self, incident: Incident) {
        let incident = Arc::new(incident);
        for outlet in &self.outlets {
            outlet.push(Arc::clone(&incident));
        }
    }

    /// What has become of notices since the start.
    pub fn figures(&self) -> Vec<metrics::Outlet> {
        self.outlets.iter().map(Outlet::figures).collect()
    }

    /// The agent stops: gives notices that are under way a moment.
    pub fn finish(&self) {
        let deadline = Instant::now() + LAST_NOTICES;
        for outlet in &self.outlets {
            outlet.finish(deadline);
        }
    }
}

/// Which events anybody is told of.
pub fn wanted(config: &NotifySection) -> Vec<Kind> {
    if ways(config).is_empty() { Vec::new() } else { config.events.clone() }
}

/// Sends a test over each outlet, once: its word, and why it failed if it did.
pub fn test(config: &NotifySection, time: &str) -> Vec<(&'static str, Result<(), String>)> {
    let notice = Notice::test(&host(), time);
    let tried = ways(config).into_iter().map(|way| {
        let sent = way.send(&notice, &|| false).map_err(|failure| failure.reason);
        (way.word(), sent)
    });
    tried.collect()
}

fn ways(config: &NotifySection) -> Vec<Way> {
    let command =
        (!config.command.is_empty()).then(|| Way::Command(config.command.clone(), config.timeout));
    let webhook = config.webhook.clone().map(|url| Way::Webhook(Webhook::new(url, config)));
    command.into_iter().chain(webhook).collect()
}

/// What the machine is called.
fn host() -> String {
    let name = nix::sys::utsname::uname();
    name.map_or_else(|_| "?".to_owned(), |name| name.nodename().to_string_lossy().into_owned())
}
