//! The older way onto an interface: a filter of its clsact qdisc, where the kernel has no tcx
//! (before 6.6). A filter stays when its maker ends, and is found again by its handle and name.

use anyhow::{Context as _, Result};
use aya::{
    maps::{Array, MapData},
    programs::{
        SchedClassifier, TcAttachType,
        tc::{
            NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact,
            qdisc_detach_program,
        },
    },
};
use netlink_packet_route::tc::{TcHandle as Handle, TcMessage};
use nix::net::if_::if_indextoname;
use vpnmon_common::{
    interface::{self, Metered},
    names::PLACES,
};

use super::{
    classifiers::PROGRAMS,
    netlink::{Message, ask, tell},
    pins::Pins,
};

/// The first of these where no filter of another kind is: a filter before ours could keep packets
/// from it.
const PRIORITIES: [u16; 4] = [1, 2, 3, 49_151];
/// Nobody else's.
const HANDLE: TcHandle = TcHandle::new(0x766e, 1);
/// Where filters of either way hang, and the qdisc itself (`TC_H_MIN_INGRESS`, `TC_H_MIN_EGRESS`).
const PARENTS: [Handle; 2] =
    [Handle { major: 0xffff, minor: 0xfff2 }, Handle { major: 0xffff, minor: 0xfff3 }];
const QDISC: Handle = Handle { major: 0xffff, minor: 0 };

/// Makes the qdisc where there is none. Whether it did.
pub fn ensure_qdisc(name: &str) -> Result<bool> {
    match qdisc_add_clsact(name) {
        Ok(()) => Ok(true),
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(libc::EEXIST) => {
            Ok(false)
        }
        Err(error) => Err(error).context("cannot add a clsact qdisc"),
    }
}

/// Puts the program in the place of the one that an earlier agent has left, from one packet to the
/// next; else makes a filter.
pub fn attach(program: &mut SchedClassifier, name: &str, way: TcAttachType) -> Result<()> {
    for priority in PRIORITIES {
        let there = SchedClassifierLink::attached(name, way, priority, HANDLE, None)?;
        if let Ok(id) = program.attach_to_link(there) {
            return stay(program.take_link(id)?);
        }
    }
    let mut last = None;
    for priority in PRIORITIES {
        let options = NlOptions { priority, handle: HANDLE, classid: None };
        match program.attach_with_options(name, way, TcAttachOptions::Netlink(options)) {
            Ok(id) => return stay(program.take_link(id)?),
            Err(error) => last = Some(error),
        }
    }
    Err(last.context("no priority")?).context("cannot add a filter")
}

/// A dropped link takes its filter along.
#[expect(clippy::unnecessary_wraps, reason = "the last word of `attach`")]
fn stay(link: SchedClassifierLink) -> Result<()> {
    std::mem::forget(link);
    Ok(())
}

/// Takes our filters off an interface, and the qdisc if we made it and nobody else uses it.
pub fn remove(metered: Metered) {
    // An interface that is gone has taken everything along.
    let Ok(name) = if_indextoname(metered.ifindex) else { return };
    let name = name.to_string_lossy();
    for (program, way) in PROGRAMS {
        if let Err(error) = qdisc_detach_program(&name, way, program) {
            log::debug!("{name}: no filter {program} to take off: {error}");
        }
    }
    if metered.owns_qdisc
        && is_unused(metered.ifindex)
        && let Err(error) = tell(Message::DelQueueDiscipline(message(metered.ifindex, None)))
    {
        log::warn!("cannot remove the clsact qdisc of {name}: {error}");
    }
}

fn is_unused(ifindex: u32) -> bool {
    let mut filters = 0;
    let asked = PARENTS.into_iter().try_for_each(|parent| {
        ask(Message::GetTrafficFilter(message(ifindex, Some(parent))), |_| filters += 1)
    });
    asked.is_ok() && filters == 0
}

fn message(ifindex: u32, parent: Option<Handle>) -> TcMessage {
    let mut message = TcMessage::with_index(ifindex.cast_signed());
    message.header.parent = parent.unwrap_or(Handle::INGRESS);
    message.header.handle = if parent.is_some() { Handle::UNSPEC } else { QDISC };
    message
}

/// Takes the filters off all interfaces that `pins` knows of.
pub fn remove_all(pins: &Pins) -> Result<()> {
    let path = pins.path(PLACES);
    if !path.exists() {
        return Ok(());
    }
    let map =
        MapData::from_pin(&path).with_context(|| format!("cannot open {}", path.display()))?;
    all(&Array::try_from(aya::maps::Map::Array(map))?)
        .into_iter()
        .filter(|metered| metered.has_filters)
        .for_each(remove);
    Ok(())
}

/// All metered interfaces that a map of places knows.
pub fn all(places: &Array<MapData, u64>) -> Vec<Metered> {
    let words = (0..interface::PLACES).filter_map(|place| places.get(&place, 0).ok());
    words.filter_map(Metered::decode).collect()
}
