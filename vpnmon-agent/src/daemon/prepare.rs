//! A start, step by step: everything that can be refused before anything that changes the machine.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::unistd::geteuid;

use crate::{
    config::{CgroupChoice, Config},
    engine::{Engine, Restored, Settings},
    kernel::{self, Attached, Plan, bpffs, cgroup, release},
    ledger::store::Store,
    sources::{
        clock::{Clock, local_date},
        users::{PASSWD, UserWatch},
    },
    view,
};

/// Everything the loop needs. The locks are held as long as it lives.
pub struct Prepared {
    pub attached: Attached,
    pub engine: Engine,
    pub store: Store,
    pub clock: Clock,
    pub users: UserWatch,
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
    let attached = kernel::attach(&Plan {
        cgroup: cgroup.clone(),
        bpffs: config.agent.bpffs.clone(),
        max_accounts: config.meter.max_accounts,
        count_loopback: config.meter.loopback,
        verbose,
    })?;
    let mut users = user_watch(config);
    let known = users.changed().with_context(|| format!("cannot read {PASSWD}"))?;
    let settings = settings(config, &attached, &cgroup.path, release, now.unix_seconds)?;
    let engine = Engine::new(settings, known.unwrap_or_default(), restored, now);
    Ok(Prepared { attached, engine, store, clock, users, locks: [state_lock, pins_lock] })
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
    let drain_interval_ms =
        u64::try_from(config.meter.drain_interval.as_millis()).unwrap_or(u64::MAX);
    Ok(Settings {
        usage: config.meter.usage,
        max_accounts,
        warn_percent: config.enforce.warn_percent,
        epoch: epoch(config, attached.meter.generation())?,
        about: view::Agent {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started,
            kernel,
            drain_interval_ms,
            usage: config.meter.usage.word().to_owned(),
            hooks: view::Hooks { cgroup_skb: cgroup.display().to_string(), tc: Vec::new() },
            degraded,
            lost: view::Lost::default(),
        },
    })
}
