//! `detach`: the one way out of the kernel.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::prepare::{epoch, load, open_store, refuse_early, user_watch};
use crate::{
    config::Config,
    engine::{Engine, Settings},
    event::{Command, Event},
    kernel::{self, Meter},
    ledger::store::Store,
    sources::clock::Clock,
    view,
};

/// A program that runs on another CPU ends within microseconds; the kernel frees it after that.
const LAST_PACKETS: Duration = Duration::from_millis(50);

/// Takes the programs out, writes down what they have counted, then lets go of the maps.
pub fn detach(config: &Config) -> Result<bool> {
    refuse_early()?;
    let bpffs = &config.agent.bpffs;
    if !bpffs.is_dir() {
        return Ok(false);
    }
    let _pins_lock = kernel::lock(bpffs)?;
    kernel::unlink(bpffs)?;
    if let Some(mut meter) = kernel::open_pinned(bpffs)? {
        let (store, _state_lock) = open_store(&config.agent.state_dir)?;
        std::thread::sleep(LAST_PACKETS);
        write_down(config, store, &mut meter)
            .context("the maps are kept: run `vpnmon-agent detach` again, or start the agent")?;
    }
    kernel::unpin(bpffs)?;
    Ok(true)
}

/// What the agent does on its last drain.
fn write_down(config: &Config, mut store: Store, meter: &mut Meter) -> Result<()> {
    let mut clock = Clock::new();
    let now = clock.now();
    let restored = load(&mut store, now.unix_seconds)?;
    let users = user_watch(config).changed()?.unwrap_or_default();
    let settings = Settings {
        usage: config.meter.usage,
        max_accounts: meter.max_accounts(),
        warn_percent: config.enforce.warn_percent,
        epoch: epoch(config, meter.generation())?,
        about: view::Agent::default(),
    };
    let mut engine = Engine::new(settings, users, restored, now);
    let (mut claimed, mut moved) = (Vec::new(), Vec::new());
    meter.drain(&mut claimed, &mut moved);
    engine.handle(Event::Drained { claimed: &claimed, moved: &moved }, now);
    while !engine.is_settled() {
        for command in engine.handle(Event::PersistDue, now) {
            let Command::Store(batch) = command else { continue };
            let stored = store.write(batch);
            if let Some(error) = &stored.error {
                bail!("{error}");
            }
            engine.handle(Event::Stored(stored), now);
        }
    }
    Ok(())
}
