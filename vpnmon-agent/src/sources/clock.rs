//! The clock: the local day, the second, and what never goes back.

use std::time::{Duration, Instant, SystemTime};

use jiff::civil::Date;

use crate::time::{Now, local_date};

/// Tells the moment; the local date is found once a second.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    known: (u64, Date),
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock whose monotonic time starts here.
    #[must_use]
    pub fn new() -> Self {
        let unix_seconds = unix_seconds();
        Self { started: Instant::now(), known: (unix_seconds, local_date(unix_seconds)) }
    }

    /// The moment.
    pub fn now(&mut self) -> Now {
        let unix_seconds = unix_seconds();
        if unix_seconds != self.known.0 {
            self.known = (unix_seconds, local_date(unix_seconds));
        }
        Now { unix_seconds, today: self.known.1, monotonic: self.started.elapsed() }
    }

    /// Monotonic time alone: cheap enough to time a drain with.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Seconds since 1970; 0 on a machine whose clock stands before that.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
