//! The kernel's side, as the agent sees it: load, attach, pin, read. The only place that names aya.
//!
//! Maps and links are pinned in `agent.bpffs`, so counting goes on when the agent is dead; a start
//! adopts what it finds there.

mod attach;
pub mod bpffs;
pub mod cgroup;
mod logs;
mod mapped;
mod meter;
mod mounts;
mod object;
mod pins;
pub mod release;
mod sys;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use vpnmon_common::{
    names::{EGRESS_PROGRAM, INGRESS_PROGRAM},
    slot::LAYOUT,
};

use self::{cgroup::Cgroup, object::Settings, pins::Pins};
pub use self::{logs::Logs, meter::Meter, object::try_load};

/// What an attached kernel side needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the programs count.
    pub cgroup: Cgroup,
    /// `agent.bpffs`, already made.
    pub bpffs: PathBuf,
    /// `meter.max_accounts`.
    pub max_accounts: u32,
    /// `meter.loopback`.
    pub count_loopback: bool,
    /// Whether the programs tell what they do.
    pub verbose: bool,
}

/// Programs and maps in the kernel, pinned, and our view of them.
#[derive(Debug)]
pub struct Attached {
    /// The counters.
    pub meter: Meter,
    /// What the programs have to say, where it was asked for.
    pub logs: Option<Logs>,
    /// Accounts that there is room for.
    pub max_accounts: u32,
    /// Whether the maps were there before.
    pub adopted: bool,
}

/// Loads the programs, over the pinned maps where there are any, and attaches them by pinned
/// links. All of it or nothing: what this call made is taken away again when it fails.
pub fn attach(plan: &Plan) -> Result<Attached> {
    let pins = Pins::new(&plan.bpffs);
    let settings = Settings { count_loopback: plan.count_loopback, verbose: plan.verbose };
    let adopted = pins.has_maps()?;
    let mut undo = pins.undo();
    let mut object = if adopted {
        object::load_pinned(&pins, settings)?
    } else {
        pins.remove_half_done()?;
        undo.maps();
        let mut object = object::load_fresh(plan.max_accounts, settings)?;
        object.initialise(plan.max_accounts)?;
        object.pin_maps(&pins)?;
        object
    };
    let meter = object.meter()?;
    ensure!(
        meter.layout() == LAYOUT,
        "the maps in {} have layout {}, this build has {LAYOUT}; run `detach` of the version that \
         made them, then start again",
        plan.bpffs.display(),
        meter.layout()
    );
    let logs = plan.verbose.then(|| object.logs()).transpose()?;
    for (program, link) in [(EGRESS_PROGRAM, "egress_link"), (INGRESS_PROGRAM, "ingress_link")] {
        if attach::attach(&mut object, program, &pins.path(link), &plan.cgroup)? {
            undo.link(link);
        }
    }
    undo.keep();
    Ok(Attached { max_accounts: meter.max_accounts(), meter, logs, adopted })
}

/// What is still counting in `bpffs`, if anything.
pub fn open_pinned(bpffs: &Path) -> Result<Option<Meter>> {
    let pins = Pins::new(bpffs);
    if !pins.has_maps()? {
        return Ok(None);
    }
    let meter = object::open_meter(&pins)?;
    ensure!(
        meter.layout() == LAYOUT,
        "the maps in {} have layout {}, this build has {LAYOUT}; use the version that made them",
        bpffs.display(),
        meter.layout()
    );
    Ok(Some(meter))
}

/// Takes the programs off the packets' way. The maps stay.
pub fn unlink(bpffs: &Path) -> Result<()> {
    Pins::new(bpffs).remove_links()
}

/// Takes the maps and the directory away: what they held must be written down.
pub fn unpin(bpffs: &Path) -> Result<()> {
    Pins::new(bpffs).remove_all()
}

/// One agent at a time may use these pins. The lock ends with the file.
pub fn lock(bpffs: &Path) -> Result<File> {
    let dir = File::open(bpffs).with_context(|| format!("cannot open {}", bpffs.display()))?;
    dir.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "another agent uses the pins in {}; stop it first, or give this one its own \
             agent.bpffs",
            bpffs.display()
        )
    })?;
    Ok(dir)
}

/// Names this boot: the first half of an epoch.
pub fn boot_id() -> Result<String> {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    let text = fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}"))?;
    Ok(text.trim().to_owned())
}
