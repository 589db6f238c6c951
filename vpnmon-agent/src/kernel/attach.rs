//! Links: programs on the way of the packets.

use std::{io, os::fd::AsFd as _, path::Path};

use anyhow::{Context as _, Result};
use aya::programs::{CgroupAttachMode, CgroupSkb, links::FdLink};

use super::{cgroup::Cgroup, object::Object, sys};

/// Makes the pinned link run `program`; makes and pins one where there is none for this cgroup.
/// Whether it did.
pub fn attach(object: &mut Object, program: &str, pin: &Path, cgroup: &Cgroup) -> Result<bool> {
    let what = || format!("cannot attach {program} to {}", cgroup.path.display());
    let program = object.program(program)?;
    if let Some(link) = pinned_link(pin)? {
        let attached_to = sys::cgroup_of_link(link.as_fd()).unwrap_or_default();
        if attached_to == cgroup.id {
            // From one packet to the next: no gap and no overlap in which a byte counts twice.
            sys::update_link(link.as_fd(), program.fd()?.as_fd()).with_context(what)?;
            return Ok(false);
        }
        std::fs::remove_file(pin).with_context(|| format!("cannot remove {}", pin.display()))?;
    }
    new_link(program, pin, cgroup).with_context(what)?;
    Ok(true)
}

fn pinned_link(pin: &Path) -> Result<Option<std::os::fd::OwnedFd>> {
    match sys::open_pin(pin) {
        Ok(link) => Ok(Some(link)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", pin.display())),
    }
}

fn new_link(program: &mut CgroupSkb, pin: &Path, cgroup: &Cgroup) -> Result<()> {
    let direction = program.expected_attach_type().context("its section names no direction")?;
    // `AllowMultiple` fails with EINVAL over a link; links live beside other programs anyway.
    let id = program.attach(cgroup.open()?, direction, CgroupAttachMode::Single)?;
    let link: FdLink = program.take_link(id)?.try_into()?;
    link.pin(pin)?;
    Ok(())
}
