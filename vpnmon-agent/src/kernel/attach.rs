//! Links: programs on the way of the packets, and of the making of sockets.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use anyhow::{Context as _, Result};
use aya::programs::{CgroupAttachMode, CgroupSkb, CgroupSock, ProgramFd, links::FdLink};

use super::{cgroup::Cgroup, object::Object, sys};

/// A type of program that attaches to a cgroup.
pub trait CgroupProgram {
    /// The loaded program.
    fn loaded(&self) -> Result<&ProgramFd>;
    /// A new link to `cgroup`.
    fn link(&mut self, cgroup: &Cgroup) -> Result<FdLink>;
}

impl CgroupProgram for CgroupSkb {
    fn loaded(&self) -> Result<&ProgramFd> {
        Ok(self.fd()?)
    }

    fn link(&mut self, cgroup: &Cgroup) -> Result<FdLink> {
        let direction = self.expected_attach_type().context("its section names no direction")?;
        let id = self.attach(cgroup.open()?, direction, MODE)?;
        Ok(self.take_link(id)?.try_into()?)
    }
}

impl CgroupProgram for CgroupSock {
    fn loaded(&self) -> Result<&ProgramFd> {
        Ok(self.fd()?)
    }

    fn link(&mut self, cgroup: &Cgroup) -> Result<FdLink> {
        let id = self.attach(cgroup.open()?, MODE)?;
        Ok(self.take_link(id)?.try_into()?)
    }
}

/// `AllowMultiple` fails with EINVAL over a link; links live beside other programs anyway.
const MODE: CgroupAttachMode = CgroupAttachMode::Single;

/// Makes the pinned link run program `name`; makes and pins one where there is none for this cgroup.
/// Whether it did.
pub fn attach<P>(object: &mut Object, name: &str, pin: &Path, cgroup: &Cgroup) -> Result<bool>
where
    P: CgroupProgram,
    for<'a> &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let what = || format!("cannot attach {name} to {}", cgroup.path.display());
    let program: &mut P = object.program(name)?;
    if let Some(link) = pinned_link(pin)? {
        let attached_to = sys::cgroup_of_link(link.as_fd()).unwrap_or_default();
        if attached_to == cgroup.id {
            // From one packet to the next: no gap and no overlap in which a byte counts twice.
            sys::update_link(link.as_fd(), program.loaded()?.as_fd()).with_context(what)?;
            return Ok(false);
        }
        std::fs::remove_file(pin).with_context(|| format!("cannot remove {}", pin.display()))?;
    }
    program.link(cgroup).with_context(what)?.pin(pin).with_context(what)?;
    Ok(true)
}

pub(super) fn pinned_link(pin: &Path) -> Result<Option<OwnedFd>> {
    match sys::open_pin(pin) {
        Ok(link) => Ok(Some(link)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", pin.display())),
    }
}
