//! What was counted before anybody knew whose it was goes to whoever it turns out to be.

use std::time::Duration;

use anyhow::Result;
use vpnmon_common::{owner::SocketOwner, session::Session as Record, slot::TRANSPORT_SLOT};

use super::Tagging;

/// A session's bytes wait this long for its user; then they are root's, as those of any process of
/// root that nobody has logged in to.
const PATIENCE: Duration = Duration::from_secs(5);
/// A socket that is being made while its session becomes known may still be tagged for the waiting
/// slot: looked for this much later. Also the time between two moves of what comes to such a slot.
const SETTLES: Duration = Duration::from_secs(1);
/// A socket that its process has closed has no descriptor to tag it by, and goes on sending what it
/// holds, at most as long as `tcp_orphan_retries` allows (`tcp_out_of_resources`: some 100 s).
const LETS_GO: Duration = Duration::from_mins(2);

/// The bytes of a session that began before its user was known.
#[derive(Debug)]
pub struct Waiting {
    /// The slot they are in.
    pub slot: u32,
    /// When the agent first knew of them.
    pub since: Duration,
    /// Once it is known whose its bytes are.
    pub known: Option<Known>,
}

/// Whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The slot that its bytes go to.
    slot: u32,
    since: Duration,
    moved: Duration,
    /// Whether sockets that were just being made have been looked for.
    is_swept: bool,
}

impl Known {
    pub const fn new(slot: u32, now: Duration) -> Self {
        Self { slot, since: now, moved: now, is_swept: false }
    }
}

impl Tagging {
    /// Moves what has come to waiting slots, and gives those back that nothing comes to any more.
    pub fn settle(&mut self, now: Duration) {
        for slot in self.unmarked.clone() {
            if let Err(error) = self.tags.move_bytes(slot, TRANSPORT_SLOT) {
                log::debug!("slot {slot}: {error:#}");
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        for (pid, mut it) in waiting {
            // What fails is tried again: the bytes stay where they are.
            let is_done = self.settle_one(pid, &mut it, now).unwrap_or_else(|error| {
                log::debug!("session {pid}: {error:#}");
                false
            });
            if !is_done {
                self.waiting.insert(pid, it);
            }
        }
    }

    fn settle_one(&mut self, pid: u32, it: &mut Waiting, now: Duration) -> Result<bool> {
        if it.known.is_none() && now.saturating_sub(it.since) >= PATIENCE {
            it.known = Some(Known::new(self.root_has(pid, it.slot)?, now));
        }
        match &mut it.known {
            Some(known) => self.settle_known(pid, it.slot, known, now),
            None => Ok(false),
        }
    }

    /// Whether the waiting slot is given back.
    fn settle_known(
        &mut self,
        pid: u32,
        waiting_slot: u32,
        known: &mut Known,
        now: Duration,
    ) -> Result<bool> {
        if now.saturating_sub(known.moved) < SETTLES {
            return Ok(false);
        }
        known.moved = now;
        if !std::mem::replace(&mut known.is_swept, true)
            && let Some(record) = self.tags.session(pid)
        {
            self.tag_left(pid, record.start_ticks, waiting_slot, known.slot);
        }
        self.tags.move_bytes(waiting_slot, known.slot)?;
        if now.saturating_sub(known.since) < LETS_GO {
            return Ok(false);
        }
        self.finish(pid, waiting_slot)?;
        Ok(true)
    }

    /// Nobody knows whose the session is; the slot that has its bytes then.
    fn root_has(&mut self, pid: u32, waiting_slot: u32) -> Result<u32> {
        let slot = self.tags.slot_of_uid(0)?;
        log::debug!("session {pid} is nobody's");
        if let Some(record) = self.tags.session(pid) {
            self.tags.put(pid, Record { slot, ..record })?;
            self.tag_sockets(pid, record.start_ticks, |_| SocketOwner::new(slot, false));
        }
        self.tags.move_bytes(waiting_slot, slot)?;
        Ok(slot)
    }

    fn finish(&mut self, pid: u32, waiting_slot: u32) -> Result<()> {
        match self.tags.session(pid) {
            Some(record) if self.lives(pid, record.start_ticks) => {
                self.tags.put(pid, Record { waiting_slot: None, ..record })?;
            }
            _ => self.tags.forget(pid),
        }
        // Last: a crash before this loses a slot of a thousand, one after it would share it.
        self.tags.give_back(waiting_slot)
    }
}
