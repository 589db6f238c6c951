//! Limits on their way to the kernel.

use vpnmon_common::limit::Limit;

use super::Loop;
use crate::event::{Counter, Event};

impl Loop {
    /// The start: limits that nobody has any more go with it.
    pub(super) fn arm(&mut self) {
        self.engine.arm();
        self.happened(Event::Second);
        if self.untold_limits.is_empty() {
            self.limits.keep_known();
        }
    }

    /// Tells the kernel of one counter's limit.
    pub(super) fn limit(&mut self, counter: Counter, limit: Option<Limit>) {
        self.untold_limits.retain(|(other, _)| *other != counter);
        let slot = match counter {
            Counter::Slot(slot) => Ok(Some(slot)),
            Counter::Uid(uid) => self.tagging.slot_of(uid),
        };
        let told = slot.and_then(|slot| {
            let Some(slot) = slot else {
                log::warn!("{counter:?} cannot be limited: raise meter.max_accounts and restart");
                return Ok(false);
            };
            if let Some(limit) = limit {
                return self.limits.set(slot, limit);
            }
            self.limits.remove(slot);
            Ok(false)
        });
        match told {
            Ok(true) => self.happened(Event::WasRefused(counter)),
            Ok(false) => {}
            Err(error) => {
                log::error!("{counter:?} cannot be limited, tried again in a second: {error:#}");
                self.untold_limits.push((counter, limit));
            }
        }
    }

    /// Tries again what failed.
    pub(super) fn retry_limits(&mut self) {
        for (counter, limit) in std::mem::take(&mut self.untold_limits) {
            self.limit(counter, limit);
        }
    }
}
