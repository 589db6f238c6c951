//! The line that a balancer may put before everything (PROXY protocol, version 1, section 2.1).

use super::{
    phase::{Phase, Seen},
    pieces::Place,
    scan::Scan,
    step::Step,
};

impl Scan {
    /// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`: the client's address is the second word.
    #[inline(always)]
    pub(super) fn proxy_byte(&mut self, byte: u8) -> Step {
        match (self.phase, byte) {
            (_, b'\n') => return self.go(Phase::START),
            // UNKNOWN: what follows must not be used.
            (Phase::PROXY_FAMILY, b'U') => self.phase = Phase::PROXY_REST,
            (Phase::PROXY_FAMILY, b' ') => {
                self.names.begin();
                self.phase = Phase::PROXY_CLIENT;
            }
            (Phase::PROXY_CLIENT, b' ') => {
                self.names.end(Place::CLIENT);
                self.seen.set(Seen::PROXY_LINE);
                self.phase = Phase::PROXY_REST;
            }
            (Phase::PROXY_CLIENT, _) => self.names.push(byte),
            _ => (),
        }
        Step::More
    }
}
