//! A start, step by step: everything that can be refused before anything that changes the machine.

use std::{collections::HashSet, fs::File, path::Path};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::unistd::geteuid;

use super::{network::clients, offline::write_down, surroundings::Surroundings};
use crate::{
    config::{CgroupChoice, Config, HistorySection, HostsSection},
    engine::{Engine, Restored, Settings},
    event::{Event, Now},
    history::History,
    hosts,
    kernel::{self, Attached, Former, Plan, bpffs, cgroup, release},
    ledger::store::Store,
    network::Names,
    notify,
    sources::{
        clock::Clock,
        users::{PASSWD, UserWatch},
    },
    time::local_date,
    users::Users,
    view,
};

/// Everything the loop needs. The locks are held as long as it lives.
pub struct Prepared {
    pub attached: Attached,
    pub engine: Engine,
    pub store: Store,
    pub history: Option<History>,
    pub clock: Clock,
    pub users: UserWatch,
    pub surroundings: Surroundings,
    pub locks: [File; 2],
}

/// What needs no look at the configuration: root, and a kernel that is new enough. Its release.
pub fn refuse_early() -> Result<String> {
    ensure!(
        geteuid().is_root(),
        "must run as root: it loads programs into the kernel; run it with sudo or as a service"
    );
    let release = release::release()?;
    release::check(&release)?;
    Ok(release)
}

/// Takes the locks, loads and attaches, reads the ledger.
pub fn prepare(config: &Config, verbose: bool) -> Result<Prepared> {
    let release = refuse_early()?;
    let cgroup = cgroup::find(match &config.meter.cgroup {
        CgroupChoice::Auto => None,
        CgroupChoice::Path(path) => Some(path),
    })?;
    let (mut store, state_lock) = open_store(&config.agent.state_dir)?;
    let mut clock = Clock::new();
    let now = clock.now();
    let restored = load(&mut store, now.unix_seconds)?;
    bpffs::ensure(&config.agent.bpffs)?;
    let pins_lock = kernel::lock(&config.agent.bpffs)?;
    let surroundings = Surroundings::new(config);
    let mut attached = kernel::attach(&Plan {
        cgroup: cgroup.clone(),
        bpffs: config.agent.bpffs.clone(),
        max_accounts: config.meter.max_accounts,
        count_loopback: config.meter.loopback,
        max_flows: config.hosts.max_flows,
        layout: surroundings.layout(),
        verbose,
    })?;
    let mut users = user_watch(config);
    let known = users.changed().with_context(|| format!("cannot read {PASSWD}"))?;
    let known = known.unwrap_or_default();
    let settings = settings(config, &attached, &cgroup.path, release, now.unix_seconds)?;
    let mut former = attached.former.take();
    let restored = match &mut former {
        Some(former) => {
            let names = surroundings.names();
            settle(config, former, &settings.epoch, (&known, names), restored, now)?
        }
        None => restored,
    };
    let mut engine = Engine::new(settings, known, restored, now);
    open_hosts(config, &mut store, &mut engine, now);
    engine.handle(Event::Names(surroundings.names()), now);
    let history = open_history(config, &mut engine, now);
    if let Some(former) = former {
        write_down(&mut engine, &mut store, now)?;
        former.let_go()?;
    }
    // Last: what a start says of events goes nowhere.
    engine.tell_of(notify::wanted(&config.notify));
    let locks = [state_lock, pins_lock];
    Ok(Prepared { attached, engine, store, history, clock, users, surroundings, locks })
}

/// Books what the maps of an earlier life hold. Accounts that are in the new `epoch` already were
/// settled by a start that was cut short after it had written them.
fn settle(
    config: &Config,
    former: &mut Former,
    epoch: &str,
    (users, names): (&Users, Names),
    restored: Restored,
    now: Now,
) -> Result<Restored> {
    let Restored { records, incidents } = restored;
    let (mut settled, open): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|(record, _)| record.epoch == epoch);
    let old_epoch = self::epoch(config, former.meter.generation())?;
    let max_accounts = former.meter.max_accounts();
    let settings = Settings::new(config, max_accounts, old_epoch, view::Agent::default());
    let before = Restored { records: open, incidents: Vec::new() };
    let mut engine = Engine::new(settings, users.clone(), before, now);
    engine.handle(Event::Names(names), now);
    let (mut claimed, mut moved) = (Vec::new(), Vec::new());
    former.meter.drain(&mut claimed, &mut moved);
    engine.handle(Event::Clients(&clients(&former.meter, &claimed)), now);
    engine.handle(Event::Drained { claimed: &claimed, moved: &moved }, now);
    let done: HashSet<_> = settled.iter().map(|(record, _)| record.key()).collect();
    let records = engine.records().into_iter().filter(|record| !done.contains(&record.key()));
    settled.extend(records.map(|record| {
        let date = local_date(record.last_update);
        (record, date)
    }));
    Ok(Restored { records: settled, incidents })
}

/// Opens the state directory, for one process at a time.
pub fn open_store(dir: &Path) -> Result<(Store, File)> {
    let store = Store::open(dir)?;
    let lock = File::open(dir).with_context(|| format!("cannot open {}", dir.display()))?;
    lock.try_lock().map_err(|_| {
        anyhow!(
            "another agent uses {}; stop it first, or give this one its own --state-dir, --socket \
             and agent.bpffs",
            dir.display()
        )
    })?;
    Ok((store, lock))
}

/// The accounts on disk, each with the local date of its last byte.
pub fn load(store: &mut Store, unix_seconds: u64) -> Result<Restored> {
    let loaded = store.load(unix_seconds)?;
    for incident in &loaded.incidents {
        log::warn!("{}", incident.reason);
    }
    let dated = loaded.records.into_iter().map(|record| {
        let date = local_date(record.last_update);
        (record, date)
    });
    Ok(Restored { records: dated.collect(), incidents: loaded.incidents })
}

/// Gives the engine what is known of hosts.
pub fn open_hosts(config: &Config, store: &mut Store, engine: &mut Engine, now: Now) {
    let HostsSection { enabled, max_hosts, max_flows } = config.hosts;
    let settings = hosts::Settings { enabled, max_hosts, max_flows };
    let mut incidents = Vec::new();
    let restored = store.load_hosts(now.unix_seconds, &mut incidents);
    for incident in &incidents {
        log::warn!("{}", incident.reason);
    }
    engine.open_hosts(settings, restored, incidents, now);
}

/// Opens the history, where one is kept, and tells it of the accounts there are.
fn open_history(config: &Config, engine: &mut Engine, now: Now) -> Option<History> {
    let HistorySection { enabled, keep_days } = config.history;
    let (history, incidents) =
        enabled.then(|| History::open(&config.agent.state_dir, keep_days, engine.marks(), now))?;
    for incident in &incidents {
        log::warn!("{}", incident.reason);
    }
    engine.note_all(incidents);
    Some(history)
}

/// The account database, with the uids that are people.
pub fn user_watch(config: &Config) -> UserWatch {
    UserWatch::new(Path::new(PASSWD), (config.ssh.min_uid, config.ssh.max_uid))
}

/// Names the life of the counters: this boot, these maps, and the direction that is usage, whose
/// change starts another sum.
pub fn epoch(config: &Config, generation: u64) -> Result<String> {
    Ok(format!("{}/{generation:016x}/{}", kernel::boot_id()?, config.meter.usage.word()))
}

fn settings(
    config: &Config,
    attached: &Attached,
    cgroup: &Path,
    kernel: String,
    started: u64,
) -> Result<Settings> {
    let max_accounts = attached.max_accounts;
    let mut degraded = Vec::new();
    if max_accounts != config.meter.max_accounts {
        degraded.push(format!(
            "meter.max_accounts: the maps in {} have room for {max_accounts}; run `vpnmon-agent \
             detach` with the agent stopped, and start it again",
            config.agent.bpffs.display()
        ));
    }
    if let Some(why) = &attached.masked_uids {
        degraded.push(format!(
            "uids: a user who makes a network namespace of its own counts there under whatever uid \
             it takes, because {why}"
        ));
    }
    let drain_interval_ms =
        u64::try_from(config.meter.drain_interval.as_millis()).unwrap_or(u64::MAX);
    let about = view::Agent {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started,
        kernel,
        drain_interval_ms,
        usage: config.meter.usage.word().to_owned(),
        hooks: view::Hooks { cgroup_skb: cgroup.display().to_string(), tc: Vec::new() },
        degraded,
        lost: view::Lost::default(),
    };
    let epoch = epoch(config, attached.meter.generation())?;
    Ok(Settings::new(config, max_accounts, epoch, about))
}
