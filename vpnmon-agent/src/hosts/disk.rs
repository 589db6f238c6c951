//! What was written down, and what is to be.

use std::{cmp::Reverse, sync::Arc};

use super::{Hosts, Restored, keep::HostsBatch};
use crate::time::Now;

impl Hosts {
    /// What was written down; the last of the hosts where there are more than fit.
    pub fn restore(&mut self, restored: Restored, now: Now) {
        self.switch.restore(restored.switched);
        if restored.rewrite {
            self.keep.lines_changed();
        }
        let mut hosts = restored.hosts;
        let max_hosts = self.table.max_hosts();
        if hosts.len() > max_hosts {
            self.keep.lines_changed();
            // What goes first is at the end.
            hosts.sort_by_key(|host| (!host.is_manual, Reverse(host.last_seen)));
            hosts.truncate(max_hosts);
            hosts.sort_by_key(|host| host.number);
        }
        let mut by_age: Vec<_> =
            hosts.iter().map(|host| (host.last_seen, Arc::clone(&host.name))).collect();
        by_age.sort_by_key(|(last_seen, _)| *last_seen);
        for host in hosts {
            self.table.insert(host, None, now.monotonic);
        }
        for (_, name) in by_age {
            self.table.touch(&name, now.monotonic);
        }
    }

    /// What is to be written; where the disk rests, what a command waits for.
    pub fn due(&mut self, now: Now, rests: bool, everything: bool) -> HostsBatch {
        if rests && !self.keep.is_urgent() {
            return HostsBatch::default();
        }
        let about = (self.table.len(), self.switch.by_command());
        self.keep.take(self.table.iter(), about, (now.monotonic, everything))
    }

    /// What could not be written waits on.
    pub fn failed(&mut self, failed: HostsBatch) {
        let given_up = self.keep.failed(failed);
        if given_up > 0 {
            self.lose("disk", u64::try_from(given_up).unwrap_or(u64::MAX));
        }
    }

    /// Whether no command waits for the disk.
    pub const fn is_kept(&self) -> bool {
        !self.keep.is_urgent()
    }

    /// Nothing is left to write.
    pub fn is_settled(&self) -> bool {
        self.keep.is_settled()
    }
}
