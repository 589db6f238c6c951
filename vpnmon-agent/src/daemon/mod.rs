//! The agent at work: one loop that owns the state, fed by the sources.

mod answer;
mod enforcer;
mod events;
mod network;
mod offline;
mod prepare;
mod report;
mod surroundings;
mod tagging;
mod writer;

use anyhow::{Context as _, Result};

use crate::{config::Config, daemon::events::Loop};

pub use self::{
    offline::{apply, detach},
    surroundings::Surroundings,
};

/// Runs until SIGTERM or SIGINT.
pub fn run(config: &Config, verbose: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the event loop")?;
    runtime.block_on(async {
        let prepared = prepare::prepare(config, verbose)?;
        // Thousands of bytes, which would lie on the stack.
        Box::pin(Loop::new(config, prepared)?.run()).await
    })
}
