//! The agent at work: one loop that owns the state, fed by the sources.

mod answer;
mod events;
mod offline;
mod prepare;
mod writer;

use anyhow::{Context as _, Result};

use crate::{config::Config, daemon::events::Loop};

pub use self::offline::{apply, detach};

/// Runs until SIGTERM or SIGINT.
pub fn run(config: &Config, verbose: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the event loop")?;
    runtime.block_on(async {
        let prepared = prepare::prepare(config, verbose)?;
        Loop::new(config, prepared)?.run().await
    })
}
