//! Ctrl-C, SIGTERM and SIGHUP: the run ends between two measurements, and cleans up.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// A signal has ended the run.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// A measurement, unless a signal came first.
pub type Result<T> = std::result::Result<T, Stopped>;

/// Takes over the signals; call once, before there is anything to clean up.
pub fn install() {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed))
        .unwrap_or_else(|e| panic!("cannot take over Ctrl-C: {e}"));
}

/// Fails once a signal has come.
pub fn check() -> Result<()> {
    if REQUESTED.load(Ordering::Relaxed) { Err(Stopped) } else { Ok(()) }
}
