//! The ledger without a running agent: under the same locks, drained from whatever still counts.

use std::fs::File;

use anyhow::{Context as _, Result, bail};

use super::{
    answer::answer,
    network::clients,
    prepare::{epoch, load, open_hosts, open_store, refuse_early, user_watch},
    report::Sources,
    surroundings::Surroundings,
};
use crate::{
    config::Config,
    control::{Answer, Request},
    engine::{Engine, Settings},
    event::{Command, Event, Now},
    history::Reader,
    kernel::{self, Meter},
    ledger::store::Store,
    model::report::Query,
    sources::{admins::read_admins, clock::Clock},
    view,
};

/// A ledger, opened for one change.
pub struct Offline {
    engine: Engine,
    store: Store,
    now: Now,
    _locks: (File, Option<File>),
}

/// Does on the files what a running agent would do.
pub fn apply(config: &Config, request: Request) -> Result<Answer> {
    refuse_early()?;
    let pins_lock = config.agent.bpffs.is_dir().then(|| kernel::lock(&config.agent.bpffs));
    let pins_lock = pins_lock.transpose()?;
    let meter = kernel::open_pinned(&config.agent.bpffs)?;
    let mut offline = Offline::open(config, meter, pins_lock)?;
    let request = match request {
        Request::Report(query) => return offline.report(config, &query),
        other => other,
    };
    let only_asks = request.is_question();
    let answer = answer(&mut offline.engine, request, offline.now);
    if !only_asks {
        offline.write()?;
    }
    Ok(answer)
}

impl Offline {
    /// Reads the ledger and books what `meter` has counted up to now.
    pub fn open(config: &Config, meter: Option<Meter>, pins_lock: Option<File>) -> Result<Self> {
        let (mut store, state_lock) = open_store(&config.agent.state_dir)?;
        let now = Clock::new().now();
        let restored = load(&mut store, now.unix_seconds)?;
        let users = user_watch(config).changed()?.unwrap_or_default();
        // Without maps there is no epoch to book in: the next one starts with the next agent.
        let generation = meter.as_ref().map_or(0, Meter::generation);
        let max_accounts = meter.as_ref().map_or(config.meter.max_accounts, Meter::max_accounts);
        let epoch = epoch(config, generation)?;
        let settings = Settings::new(config, max_accounts, epoch, view::Agent::default());
        let mut engine = Engine::new(settings, users, restored, now);
        open_hosts(config, &mut store, &mut engine, now);
        engine.handle(Event::Admins(read_admins()), now);
        engine.handle(Event::Names(Surroundings::new(config).names()), now);
        if let Some(mut meter) = meter {
            let (mut claimed, mut moved) = (Vec::new(), Vec::new());
            meter.drain(&mut claimed, &mut moved);
            engine.handle(Event::Clients(&clients(&meter, &claimed)), now);
            engine.handle(Event::Drained { claimed: &claimed, moved: &moved }, now);
        }
        Ok(Self { engine, store, now, _locks: (state_lock, pins_lock) })
    }

    /// What a running agent would answer, of what the kernel has counted up to now too.
    fn report(&self, config: &Config, query: &Query) -> Result<Answer> {
        let dir = &config.agent.state_dir;
        let reader = Reader::open(dir).context("cannot open the history")?;
        let sources = Sources::of(&self.engine, Some(reader), self.now.unix_seconds);
        Ok(sources.answer(query))
    }

    /// Writes down everything that has changed.
    pub fn write(&mut self) -> Result<()> {
        write_down(&mut self.engine, &mut self.store, self.now)
    }
}

/// Writes everything, at once and here.
pub fn write_down(engine: &mut Engine, store: &mut Store, now: Now) -> Result<()> {
    engine.hurry();
    while !engine.is_settled() {
        for command in engine.handle(Event::PersistDue, now) {
            let Command::Store(batch) = command else { continue };
            let stored = store.write(batch, now.unix_seconds);
            if let Some(error) = &stored.error {
                bail!("{error}");
            }
            engine.handle(Event::Stored(stored), now);
        }
    }
    Ok(())
}

/// Takes the programs out, writes down what they have counted, then lets go of the maps. False
/// where there is nothing to take out.
pub fn detach(config: &Config) -> Result<bool> {
    refuse_early()?;
    let bpffs = &config.agent.bpffs;
    if !bpffs.is_dir() {
        return Ok(false);
    }
    let pins_lock = kernel::lock(bpffs)?;
    let meter = kernel::open_pinned(bpffs)?;
    kernel::unlink(bpffs)?;
    if meter.is_some() {
        std::thread::sleep(kernel::LAST_PACKETS);
        let offline = Offline::open(config, meter, Some(pins_lock));
        offline
            .and_then(|mut offline| offline.write())
            .context("the maps are kept: run `vpnmon-agent detach` again, or start the agent")?;
    }
    kernel::unpin(bpffs)?;
    Ok(true)
}
