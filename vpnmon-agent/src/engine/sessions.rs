//! Who is online.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, fronts::Behind};
use crate::{
    event::{Command, Uid},
    model::sighting::HostService,
    order::Process,
    session::{Server, Session, SessionEvent},
    view,
};

/// Processes of sessions, by id and start time.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<(u32, u64), Known>);

#[derive(Debug)]
struct Known {
    session: Session,
    /// The client behind the proxy that the session comes through.
    behind: Option<Behind>,
    /// Whose sockets the kernel was told that its are.
    uid: Option<Uid>,
}

impl Sessions {
    /// The sessions of a user: the processes of one connection are one session.
    pub fn of(&self, user: &str) -> Vec<view::Session> {
        let mut seen = BTreeSet::new();
        let ours = self.0.values().filter(|known| known.session.user == user);
        let each = ours.filter(|known| match (known.session.client, known.session.client_port) {
            (Some(client), Some(port)) => seen.insert((client, port)),
            _ => true,
        });
        each.map(|Known { session, behind, .. }| view::Session {
            server: session.server.word().to_owned(),
            client: behind.map(|behind| behind.client).or(session.client),
            // Of a client behind a proxy nobody tells the port.
            client_port: session.client_port.filter(|_| behind.is_none()),
            since: session.since,
        })
        .collect()
    }

    /// The processes of a user's sessions.
    pub fn processes_of(&self, user: &str) -> Vec<Process> {
        let ours = self.0.iter().filter(|(_, known)| known.session.user == user);
        ours.map(|((pid, start_time), _)| Process { pid: *pid, start_time: *start_time }).collect()
    }

    /// Sessions of a server's: the processes of one connection are one session.
    pub fn of_server(&self, server: Server) -> u64 {
        let mut seen = BTreeSet::new();
        let ours = self.0.values().map(|known| &known.session).filter(|it| it.server == server);
        let each = ours.filter(|it| match (it.client, it.client_port) {
            (Some(client), Some(port)) => seen.insert((&it.user, client, port)),
            _ => true,
        });
        each.count() as u64
    }

    /// How many users are online.
    pub fn online(&self) -> usize {
        let users = self.0.values().map(|known| known.session.user.as_str());
        users.collect::<BTreeSet<_>>().len()
    }

    /// The request is nobody's: two sessions seem to belong to it.
    pub fn forget_behind(&mut self, behind: Behind) {
        let all = self.0.values_mut().filter(|known| known.behind == Some(behind));
        all.for_each(|known| known.behind = None);
    }

    /// The server that a user is logged in to; of several, any.
    pub fn server_of(&self, user: &str) -> Option<HostService> {
        let known = self.0.values().find(|known| known.session.user == user)?;
        Some(match known.session.server {
            Server::OpenSsh => HostService::Ssh,
            Server::Dropbear => HostService::Dropbear,
            Server::Xray => HostService::Xray,
        })
    }
}

impl Engine {
    pub(super) fn sessions(&mut self, events: Vec<SessionEvent>) -> Vec<Command> {
        let mut commands = Vec::new();
        for event in events {
            match event {
                SessionEvent::Listens(listener) => commands.push(Command::Carry(listener)),
                SessionEvent::Began(session) => {
                    let key = (session.pid, session.start_time);
                    let behind = self.client_behind(&session);
                    commands.extend(self.end_session(&session));
                    self.sessions.0.insert(key, Known { session, behind, uid: None });
                    // At once: the next event may be that it is over.
                    commands.extend(self.own_sessions());
                }
                SessionEvent::Ended { pid, start_time } => {
                    self.sessions.0.remove(&(pid, start_time));
                    commands.push(Command::Disown { pid });
                }
                SessionEvent::ListenerEnded { pid } => commands.push(Command::Disown { pid }),
            }
        }
        commands
    }

    /// For the sessions whose user has got a uid, or another one, since they were told of.
    pub(super) fn own_sessions(&mut self) -> Vec<Command> {
        let users = &self.users;
        let owned = |known: &mut Known| {
            let uid = users.uid(&known.session.user)?;
            let is_new = known.uid.replace(uid) != Some(uid);
            is_new.then(|| Command::Own(known.session.clone(), uid))
        };
        self.sessions.0.values_mut().filter_map(owned).collect()
    }
}
