//! Who is online.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use crate::{
    session::{Session, SessionEvent},
    view,
};

/// Processes of sessions, by id and start time.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<(u32, u64), Session>);

impl Sessions {
    /// The sessions of a user: the processes of one connection are one session.
    pub fn of(&self, user: &str) -> Vec<view::Session> {
        let mut seen = BTreeSet::new();
        let ours = self.0.values().filter(|session| session.user == user);
        let each = ours.filter(|session| match (session.client, session.client_port) {
            (Some(client), Some(port)) => seen.insert((client, port)),
            _ => true,
        });
        each.map(|session| view::Session {
            server: session.server.word().to_owned(),
            client: session.client,
            client_port: session.client_port,
            since: session.since,
        })
        .collect()
    }
}

impl Engine {
    pub(super) fn sessions(&mut self, events: Vec<SessionEvent>) {
        for event in events {
            match event {
                SessionEvent::Began(session) => {
                    self.sessions.0.insert((session.pid, session.start_time), session);
                }
                SessionEvent::Ended { pid, start_time } => {
                    self.sessions.0.remove(&(pid, start_time));
                }
            }
        }
    }
}
