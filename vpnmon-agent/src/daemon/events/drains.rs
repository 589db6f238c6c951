//! What drains take: the agent's own account of its cost.

use std::time::Duration;

use crate::view::metrics::DRAIN_BOUNDS;

/// How the drains went: the agent's own account of its cost.
#[derive(Debug, Default)]
pub struct Drains {
    pub count: u32,
    pub total: Duration,
    pub longest: Duration,
    /// How many took up to each of the bounds and longer than the one before.
    pub counts: [u64; DRAIN_BOUNDS.len()],
}

impl Drains {
    pub fn add(&mut self, took: Duration) {
        self.count = self.count.saturating_add(1);
        self.total += took;
        self.longest = self.longest.max(took);
        let bound = DRAIN_BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get_mut(bound) {
            *count += 1;
        }
    }

    pub fn mean(&self) -> Duration {
        self.total / self.count.max(1)
    }
}

/// Microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
