//! Waiting for an event, with a deadline.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// How long a test waits for something that normally takes milliseconds.
pub const SOON: Duration = Duration::from_secs(20);

/// Between two looks; nothing here is told when the kernel or the agent gets on.
const POLL: Duration = Duration::from_millis(5);

/// How many times longer than elsewhere every wait of this process may be.
static PATIENCE: OnceLock<u32> = OnceLock::new();

/// For the whole process, before its first wait: this machine is so many times slower than those
/// that the deadlines are made for.
pub fn be_patient(times: u32) {
    PATIENCE.set(times).unwrap_or_else(|_| panic!("waits have begun"));
}

/// As long as `deadline` is meant on this machine.
pub fn patient(deadline: Duration) -> Duration {
    deadline * *PATIENCE.get_or_init(|| 1)
}

/// Looks at `look` until it is `Ok`; panics with the last `Err` when `deadline` has passed.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let (start, deadline) = (Instant::now(), patient(deadline));
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(last) if start.elapsed() > deadline => {
                panic!("waited {deadline:?} for {what}; last seen: {last}")
            }
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// `Ok` when `actual` is `expected`, else both in words.
pub fn equal<T: PartialEq + std::fmt::Debug>(actual: T, expected: &T) -> Result<T, String> {
    if actual == *expected {
        Ok(actual)
    } else {
        Err(format!("{actual:?} where {expected:?} is due"))
    }
}
