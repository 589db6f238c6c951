//! Ctrl-C, SIGTERM and SIGHUP as a flag that waiting loops look at.
//!
//! Without it a signal would end xtask on the spot, and leave a running agent, a
//! half-done install or a policy-rc.d behind.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, OrFail, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Takes over the signals; call once.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed))
        .or_fail("taking over Ctrl-C", "report this as a bug of xtask")
}

/// Whether a signal asked xtask to end.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Fails if a signal asked xtask to end during `what`.
pub fn check(what: &str) -> Result<()> {
    if requested() {
        return Err(Failure::new(what, "stopped by a signal", "run the command again to go on"));
    }
    Ok(())
}
