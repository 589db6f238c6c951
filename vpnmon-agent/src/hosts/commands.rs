//! What people do with hosts: by command, by import, with an editor.

use std::{sync::Arc, time::Duration};

use super::{Hosts, Line, host::Host, name, switch};
use crate::time::Now;

impl Hosts {
    /// Puts a host there by hand, or makes one that is there stay. False where it was there as it
    /// is to be. `Err` where all places are taken by such.
    pub fn add(&mut self, line: &Line) -> Result<bool, ()> {
        self.keep.hurry();
        let service = switch::service(&line.service);
        if let Some(host) = self.table.get(&line.host) {
            let is_same = host.is_manual
                && (line.service.is_empty() || host.service == service)
                && (line.source_ip.is_none() || host.source_ip == line.source_ip);
            self.keep.lines_changed();
            self.table.keep(&line.host, |host| {
                if !line.service.is_empty() {
                    host.service = service;
                }
                host.source_ip = line.source_ip.or(host.source_ip);
            });
            return Ok(!is_same);
        }
        let evicted = self.table.make_room_for_manual()?;
        let mut host = Host::new(line.host.as_str().into(), false, 0);
        host.is_manual = true;
        host.service = if line.service.is_empty() { switch::BY_HAND.into() } else { service };
        host.source_ip = line.source_ip;
        host.first_seen = line.seen;
        let host = self.table.insert(host, None, Duration::ZERO);
        self.is_new(host, evicted.as_deref());
        Ok(true)
    }

    /// Takes over lines of the old panel. How many were new.
    pub fn import(&mut self, lines: Vec<Line>, now: Now) -> usize {
        self.keep.hurry();
        let before = self.table.len();
        for line in lines {
            self.take(&line, false, now);
        }
        self.table.len() - before
    }

    /// Lines that somebody has written into `hosts.log`: theirs, as if by command.
    pub fn found(&mut self, lines: Vec<Line>, now: Now) {
        for line in lines {
            self.take(&line, true, now);
        }
        self.keep.lines_changed();
    }

    fn take(&mut self, line: &Line, is_manual: bool, now: Now) {
        if self.table.get(&line.host).is_some() || self.own.has(&line.host) {
            return;
        }
        let Ok(evicted) = self.table.make_room_for_manual() else { return };
        let mut host = Host::new(line.host.as_str().into(), false, 0);
        host.is_manual = is_manual;
        host.service = switch::service(&line.service);
        host.source_ip = line.source_ip;
        host.first_seen = line.seen;
        host.last_seen = line.seen;
        let host = self.table.insert(host, None, now.monotonic);
        self.is_new(host, evicted.as_deref());
    }

    /// Forgets a host, by its name or as it is shown. Its name.
    pub fn remove(&mut self, word: &str) -> Option<Arc<str>> {
        let spelled = name::host(word).filter(|name| self.table.get(name).is_some());
        let host = self.table.remove(spelled.as_deref().unwrap_or(word))?;
        self.keep.hurry();
        if !host.is_odd {
            self.keep.lines_changed();
        }
        Some(Arc::clone(&host.name))
    }

    /// Forgets all. How many there were.
    pub fn clear(&mut self) -> usize {
        self.keep.hurry();
        self.keep.lines_changed();
        self.table.clear()
    }

    /// Whether names are captured.
    pub const fn is_on(&self) -> bool {
        self.switch.is_on()
    }

    /// Switches the capture, also for later starts. Whether that is a change.
    pub fn switch(&mut self, on: bool) -> bool {
        self.keep.hurry();
        self.switch.to(on)
    }
}
