//! Ctrl-C, SIGTERM and SIGHUP as a flag: ending on the spot would leave a cgroup behind.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether one has come.
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Takes over the signals.
    pub fn listen() -> Self {
        let stop = Self(Arc::default());
        let asked = Arc::clone(&stop.0);
        ctrlc::set_handler(move || asked.store(true, Relaxed))
            .unwrap_or_else(|e| panic!("cannot take over Ctrl-C: {e}"));
        stop
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Relaxed)
    }
}
