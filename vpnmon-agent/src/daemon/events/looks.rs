//! What the loop looks at now and then, because nobody tells of it.

use std::{iter, mem};

use super::Loop;
use crate::{event::Event, sources::users::PASSWD};

impl Loop {
    /// What could not be heard of hosts, since the last look.
    pub(super) fn look_at_unheard(&mut self) {
        let unheard = self.hosts.unheard();
        let before = mem::replace(&mut self.unheard, unheard.clone());
        if before != unheard {
            let flows_before = before.flows.iter().map(|(_, count)| *count).chain(iter::repeat(0));
            let flows = unheard.flows.iter().zip(flows_before);
            self.happened(Event::Unheard {
                gave_up: flows.map(|((why, now), was)| (*why, now.saturating_sub(was))).collect(),
                records: unheard.records.saturating_sub(before.records),
                rate_limited: unheard.rate_limited.saturating_sub(before.rate_limited),
            });
        }
        match unheard.too_long.saturating_sub(before.too_long) {
            0 => {}
            count => self.happened(Event::HostsLost { reason: "datagram-too-long", count }),
        }
    }

    /// What flows have moved, and which of them are over.
    pub(super) fn tell_of_flows(&mut self) {
        if self.flows_moved.is_empty() && self.flows_over.is_empty() && !self.engine.has_flows() {
            return;
        }
        let now = self.clock.now();
        let event = Event::Flows { moved: &self.flows_moved, over: &self.flows_over };
        let commands = self.engine.handle(event, now);
        self.carry_out(commands);
    }

    pub(super) fn look_at_sessions(&mut self) {
        let now = self.clock.now();
        let mut events = self.sessions.poll(now);
        events.extend(self.sessions.were(&self.tagging.over(), now));
        if !events.is_empty() {
            self.happened(Event::Sessions(events));
        }
        self.tagging.settle(self.clock.monotonic());
    }

    pub(super) fn look_at_admins(&mut self) {
        if let Some(admins) = self.admins.changed() {
            self.happened(Event::Admins(admins));
        }
    }

    pub(super) fn look_at_own_names(&mut self) {
        if let Some(names) = self.own_names.changed() {
            self.happened(Event::OwnNames(names));
        }
    }

    pub(super) fn look_at_users(&mut self) {
        match self.users.changed() {
            Ok(Some(users)) => self.happened(Event::Users(users)),
            Ok(None) => {}
            // passwd is replaced by a rename; what cannot be read now can be in a second.
            Err(error) => log::debug!("cannot read {PASSWD}: {error}"),
        }
    }
}
