//! The kernel's side, as the agent sees it: load, attach, pin, read. The only place that names aya.
//!
//! Maps and links are pinned in `agent.bpffs`, so counting goes on when the agent is dead; a start
//! adopts what it finds there.

mod attach;
pub mod bpffs;
mod btf;
pub mod cgroup;
mod classifiers;
mod filters;
mod flows;
mod hosts;
mod interfaces;
mod limits;
mod links;
mod logs;
mod mapped;
mod marks;
mod meter;
pub mod mounts;
pub mod netlink;
mod object;
mod offsets;
mod pins;
mod prefixes;
pub mod process;
mod programs;
pub mod release;
mod rows;
pub mod sock_diag;
mod sys;
mod tags;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use aya::programs::{CgroupSkb, CgroupSock};
use vpnmon_common::{
    names::{EGRESS_PROGRAM, INGRESS_PROGRAM, SOCKET_PROGRAM},
    slot::LAYOUT,
};

use crate::network::Layout;

use self::{
    cgroup::Cgroup,
    object::{Object, Settings},
    pins::{EGRESS_LINK, INGRESS_LINK, Pins, SOCKET_LINK, Undo},
};
pub use self::{
    classifiers::try_load as try_classifiers,
    flows::Flows,
    hosts::{Hosts, Unheard},
    interfaces::Interfaces,
    limits::Limits,
    logs::Logs,
    meter::Meter,
    object::try_load,
    tags::Tags,
};

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
    /// `hosts.max_flows`.
    pub max_flows: u32,
    /// Which interfaces are metered at first.
    pub layout: Layout,
    /// Whether the programs tell what they do.
    pub verbose: bool,
}

/// Programs and maps in the kernel, pinned, and our view of them.
#[derive(Debug)]
pub struct Attached {
    /// The counters.
    pub meter: Meter,
    /// How far accounts may go.
    pub limits: Limits,
    /// Whose sockets are whose.
    pub tags: Tags,
    /// What interfaces carry.
    pub interfaces: Interfaces,
    /// Host names.
    pub hosts: Hosts,
    /// What goes to them.
    pub flows: Flows,
    /// What the programs have to say, where it was asked for.
    pub logs: Option<Logs>,
    /// Accounts that there is room for.
    pub max_accounts: u32,
    /// Why a user who makes a network namespace of its own can count under another uid there;
    /// `None` where nobody can.
    pub masked_uids: Option<String>,
    /// Whether something counted here before.
    pub adopted: bool,
    /// What counted here before, where that could not go on.
    pub former: Option<Former>,
}

/// Loads the programs, over the pinned maps where there are any, and attaches them by pinned
/// links. All of it or nothing: what this call made is taken away again when it fails.
///
/// Pinned maps of another layout or size are replaced: new ones come to lie beside them, the links
/// change from the old programs to the new between two packets, and what the old maps hold comes
/// back as [`Former`], to be written down.
pub fn attach(plan: &Plan) -> Result<Attached> {
    let pins = Pins::new(&plan.bpffs);
    pins.finish_replacing()?;
    let mut undo = Undo::default();
    let there = if pins.has_maps()? { Some(object::open_meter(&pins)?) } else { None };
    match there {
        Some(meter) if fits(&meter, plan.max_accounts) && !pins.next().has_maps()? => {
            pins.next().remove_dir()?;
            let object = object::load_pinned(&pins, plan.settings())?;
            link(plan, &pins, &pins, object, undo, true)
        }
        Some(meter) => {
            let next = pins.next();
            let object = if next.has_maps()? {
                object::load_pinned(&next, plan.settings())?
            } else {
                fresh(plan, &next, &mut undo)?
            };
            let mut attached = link(plan, &pins, &next, object, undo, true)?;
            std::thread::sleep(LAST_PACKETS);
            attached.former = Some(Former { meter, pins });
            Ok(attached)
        }
        None => {
            pins.remove_half_done()?;
            let object = fresh(plan, &pins, &mut undo)?;
            link(plan, &pins, &pins, object, undo, false)
        }
    }
}

/// A program that runs on another CPU ends within microseconds; the kernel frees it after that.
pub const LAST_PACKETS: Duration = Duration::from_millis(50);

/// Counters of an earlier life that nothing adds to any more.
#[derive(Debug)]
pub struct Former {
    /// The counters.
    pub meter: Meter,
    pins: Pins,
}

impl Former {
    /// They are written down: lets go of them.
    pub fn let_go(self) -> Result<()> {
        self.pins.replace_by_next()
    }
}

fn fits(meter: &Meter, max_accounts: u32) -> bool {
    let same_size = meter.has_our_slots() && meter.max_accounts() == max_accounts;
    meter.layout() == LAYOUT && same_size
}

fn fresh(plan: &Plan, pins: &Pins, undo: &mut Undo) -> Result<Object> {
    let mut object = object::load_fresh(plan.max_accounts, plan.settings())?;
    object.initialise(plan.max_accounts)?;
    pins.remove_maps()?;
    pins.make()?;
    undo.maps(pins);
    object.pin_maps(pins)?;
    Ok(object)
}

fn link(
    plan: &Plan,
    pins: &Pins,
    maps: &Pins,
    mut object: Object,
    mut undo: Undo,
    adopted: bool,
) -> Result<Attached> {
    let meter = object.meter()?;
    ensure!(
        meter.layout() == LAYOUT,
        "the maps in {} have layout {}, this build has {LAYOUT}; start the version that made them \
         once more, stop it, then start this one",
        plan.bpffs.display(),
        meter.layout()
    );
    let logs = plan.verbose.then(|| object.logs()).transpose()?;
    let shared = object.share_maps(maps)?;
    let mut interfaces = Interfaces::new(pins, maps)?;
    drop(shared);
    let flows = object.flows()?;
    let mut made = |pin: &str, is_new: bool| {
        if is_new {
            undo.link(pins.path(pin));
        } else {
            // Packets count in these maps from here on.
            undo.keep();
        }
    };
    let (programs, cgroup) = (&mut object, &plan.cgroup);
    // Before the first packet counts: its socket's tag is to be there.
    let pin = pins.path(SOCKET_LINK);
    made(SOCKET_LINK, attach::attach::<CgroupSock>(programs, SOCKET_PROGRAM, &pin, cgroup)?);
    for (program, pin) in [(EGRESS_PROGRAM, EGRESS_LINK), (INGRESS_PROGRAM, INGRESS_LINK)] {
        let path = pins.path(pin);
        made(pin, attach::attach::<CgroupSkb>(programs, program, &path, cgroup)?);
    }
    undo.keep();
    interfaces.apply(&plan.layout);
    let (max_accounts, masked_uids) = (meter.max_accounts(), object.masked_uids.take());
    let (hosts, limits) = (object.hosts()?, object.limits()?);
    let tags = object.into_tags()?;
    let former = None;
    Ok(Attached {
        meter,
        limits,
        tags,
        interfaces,
        hosts,
        flows,
        logs,
        max_accounts,
        masked_uids,
        adopted,
        former,
    })
}

impl Plan {
    const fn settings(&self) -> Settings {
        Settings {
            count_loopback: self.count_loopback,
            max_flows: self.max_flows,
            verbose: self.verbose,
        }
    }
}

/// What is still counting in `bpffs`, if anything.
pub fn open_pinned(bpffs: &Path) -> Result<Option<Meter>> {
    let pins = Pins::new(bpffs);
    pins.finish_replacing()?;
    ensure!(
        !pins.next().has_maps()?,
        "a start that was cut short left two sets of maps in {}; start the agent once, then stop it",
        bpffs.display()
    );
    if pins.has_maps()? { object::open_meter(&pins).map(Some) } else { Ok(None) }
}

/// Takes the programs off the packets' way. The maps stay.
pub fn unlink(bpffs: &Path) -> Result<()> {
    let pins = Pins::new(bpffs);
    pins.remove_links()?;
    filters::remove_all(&pins)
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
