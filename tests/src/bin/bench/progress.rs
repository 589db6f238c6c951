//! Where a run is, on stderr.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Instant,
};

/// One phase; says how long it took when it drops.
pub struct Progress {
    what: &'static str,
    rounds: u32,
    started: Instant,
}

impl Progress {
    /// The phase begins.
    pub fn new(what: &'static str, rounds: u32) -> Self {
        eprintln!("{what}: {rounds} round{} ...", if rounds == 1 { "" } else { "s" });
        Self { what, rounds, started: Instant::now() }
    }

    /// A round begins; a terminal shows it.
    pub fn at(&self, round: u32) {
        if io::stderr().is_terminal() {
            eprint!("\r{}: {} of {}\x1b[K", self.what, round + 1, self.rounds);
            let _nobody_looks = io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let clear = if io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("{clear}{}: {seconds:.1} s", self.what);
    }
}
