//! Tells the kernel whose sockets a session's are, and settles what was counted before that was
//! known.
//!
//! A dropbear that has not dropped its privileges opens its user's connections as root, and the
//! first of them some milliseconds after the login, before any log line can have been read. The
//! kernel counts these in a slot of the session's own (a waiting slot), and here its bytes are moved
//! to the user as soon as that one is known.

mod settle;
mod sockets;

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use vpnmon_common::{
    owner::{Owner, SocketOwner},
    session::Session as Record,
    slot::{OVERFLOW_SLOT, TRANSPORT_SLOT},
};

use crate::{
    event::{Claimed, Uid},
    kernel::Tags,
    sources::sessions::{Listener, ProcRoot, Server, Session},
};

use self::settle::{Known, Waiting};

/// The sessions' side of the kernel's maps.
#[derive(Debug)]
pub struct Tagging {
    tags: Tags,
    proc: ProcRoot,
    waits_seen: u64,
    /// Processes with a waiting slot, by id.
    waiting: HashMap<u32, Waiting>,
    /// Slots of marks that are nobody's any more.
    unmarked: Vec<u32>,
}

impl Tagging {
    /// Takes over what an earlier agent has told the kernel.
    pub fn new(tags: Tags, now: Duration) -> Self {
        let proc = ProcRoot::default();
        let mut tagging =
            Self { tags, proc, waits_seen: 0, waiting: HashMap::new(), unmarked: Vec::new() };
        for (pid, record) in tagging.tags.sessions() {
            let lives =
                tagging.proc.stat(pid).is_some_and(|it| it.start_time == record.start_ticks);
            if let Some(slot) = record.waiting_slot {
                let known = (record.slot != slot).then(|| Known::new(record.slot, now));
                tagging.waiting.insert(pid, Waiting { slot, since: now, known });
            } else if !lives {
                tagging.tags.forget(pid);
            }
        }
        tagging
    }

    /// Whether sessions wait for their user; `waits` is how often that has begun.
    pub fn is_waited(&mut self, waits: u64, now: Duration) -> bool {
        if waits != self.waits_seen {
            self.waits_seen = waits;
            for (pid, record) in self.tags.sessions() {
                if let Some(slot) = record.waiting_slot {
                    self.waiting.entry(pid).or_insert_with(|| {
                        log::debug!("session {pid} waits for its user");
                        Waiting { slot, since: now, known: None }
                    });
                }
            }
        }
        self.waiting.values().any(|it| it.known.is_none())
    }

    /// Processes of dropbear's that wait for their user and are over.
    pub fn over(&self) -> Vec<Listener> {
        let unknown = self.waiting.iter().filter(|(_, it)| it.known.is_none());
        let over = unknown.filter_map(|(pid, _)| {
            let record = self.tags.session(*pid)?;
            let (pid, start_time) = (*pid, record.start_ticks);
            let it = Listener { pid, start_time, server: Server::Dropbear };
            (!self.lives(pid, start_time)).then_some(it)
        });
        over.collect()
    }

    /// The sockets of a session are its user's, those there are and those to come.
    pub fn own(&mut self, session: &Session, uid: Uid, now: Duration) -> Result<()> {
        let slot = self.tags.slot_of_uid(uid)?;
        log::debug!("session {} is {}'s", session.pid, session.user);
        let waiting_slot = self.tags.session(session.pid).and_then(|record| record.waiting_slot);
        let (start_ticks, children_wait, sets_marks) = (session.start_time, false, false);
        let record = Record { start_ticks, slot, waiting_slot, children_wait, sets_marks };
        self.tags.put(session.pid, record)?;
        self.tag_sockets(session.pid, start_ticks, |it| {
            let is_client_leg = it.is_to(session.client, session.client_port);
            SocketOwner::new(if is_client_leg { TRANSPORT_SLOT } else { slot }, false)
        });
        if let Some(waiting_slot) = waiting_slot {
            self.tags.move_bytes(waiting_slot, slot)?;
            let new = Waiting { slot: waiting_slot, since: now, known: None };
            self.waiting.entry(session.pid).or_insert(new).known = Some(Known::new(slot, now));
        }
        Ok(())
    }

    /// The sockets of a server carry sessions.
    pub fn carry(&mut self, listener: Listener) -> Result<()> {
        let Listener { pid, start_time: start_ticks, server } = listener;
        let record = Record {
            start_ticks,
            slot: TRANSPORT_SLOT,
            waiting_slot: None,
            // Only dropbear opens a user's connections as root.
            children_wait: server == Server::Dropbear,
            // Xray opens them with their user's mark, where it has one.
            sets_marks: server == Server::Xray,
        };
        self.tags.put(pid, record)?;
        let heeds_mark = record.sets_marks;
        let owner = SocketOwner { heeds_mark, ..SocketOwner::new(TRANSPORT_SLOT, false) };
        self.tag_sockets(pid, start_ticks, |_| owner);
        Ok(())
    }

    /// The process has ended. A waiting slot is settled first, see [`Tagging::settle`].
    pub fn disown(&mut self, pid: u32) {
        if !self.waiting.contains_key(&pid) {
            self.tags.forget(pid);
        }
    }

    /// The slot of a uid, given to it now if it has none; `None` where there is no room.
    pub fn slot_of(&mut self, uid: Uid) -> Result<Option<u32>> {
        Ok(Some(self.tags.slot_of_uid(uid)?).filter(|slot| *slot != OVERFLOW_SLOT))
    }

    /// The slot of a mark, given to it now if it has none; `None` where there is no room.
    pub fn mark(&mut self, mark: u32) -> Result<Option<u32>> {
        Ok(Some(self.tags.slot_of_mark(mark)?).filter(|slot| *slot != OVERFLOW_SLOT))
    }

    /// A mark is nobody's any more: what sockets that have it still move is transport.
    pub fn unmark(&mut self, mark: u32) -> Result<()> {
        self.unmarked.extend(self.tags.forget_mark(mark)?);
        Ok(())
    }

    /// The slots among these whose marks an earlier agent has taken from everybody.
    pub fn note_unmarked(&mut self, claimed: &[Claimed]) {
        let former = claimed.iter().filter(|it| matches!(it.owner, Owner::FormerMark(_)));
        self.unmarked.extend(former.map(|it| it.slot));
    }

    fn lives(&self, pid: u32, start_ticks: u64) -> bool {
        self.proc.stat(pid).is_some_and(|it| it.start_time == start_ticks)
    }
}
