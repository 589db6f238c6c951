//! What the kernel programs have to say: aya-log, off unless `run -v` asks for it.

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya_log::EbpfLogger;

/// The programs' messages, passed on to the agent's log.
pub struct Logs(EbpfLogger<&'static dyn log::Log>);

impl Logs {
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self> {
        let logger = EbpfLogger::init(ebpf).context("cannot read what the programs log")?;
        Ok(Self(logger))
    }

    /// Passes on what has come since the last call.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logs")
    }
}
