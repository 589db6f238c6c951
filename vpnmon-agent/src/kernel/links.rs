//! The tc programs on an interface: tcx links, pinned like the others, else filters.

use std::{fs, os::fd::AsFd as _, path::Path};

use anyhow::{Context as _, Result, bail};
use aya::{
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType, links::FdLink, tc::TcAttachOptions,
    },
    sys::SyscallError,
};
use vpnmon_common::interface::Metered;

use super::{
    attach::pinned_link,
    classifiers::{Classifiers, PROGRAMS},
    filters,
    pins::Pins,
    sys,
};
use crate::network::Interface;

/// How the programs are on an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By links.
    Link,
    /// By filters.
    Filter {
        /// Whether the qdisc they hang on was made for them.
        owns_qdisc: bool,
    },
}

/// The links, pinned.
pub struct Links(Pins);

impl Links {
    /// Those beside the cgroup's.
    pub fn new(pins: &Pins) -> Self {
        Self(pins.interfaces())
    }

    /// Puts both programs on the interface, or none.
    pub fn attach(
        &self,
        classifiers: &mut Classifiers,
        interface: &Interface,
        known: Option<Metered>,
    ) -> Result<Way> {
        let mut way = Way::Link;
        for (program, direction) in PROGRAMS {
            let program = classifiers.program(program)?;
            match self.attach_one(program, direction, interface, known) {
                // The first filter tells whose the qdisc is.
                Ok(filter) if way == Way::Link => way = filter,
                Ok(_) => {}
                Err(error) => {
                    self.remove(interface.index)?;
                    return Err(error);
                }
            }
        }
        Ok(way)
    }

    /// Takes the programs off an interface; filters are not for here.
    pub fn remove(&self, ifindex: u32) -> Result<()> {
        PROGRAMS.iter().try_for_each(|(_, way)| self.0.remove(&link_name(ifindex, *way)))
    }

    fn attach_one(
        &self,
        program: &mut SchedClassifier,
        direction: TcAttachType,
        interface: &Interface,
        known: Option<Metered>,
    ) -> Result<Way> {
        let pin = self.0.path(&link_name(interface.index, direction));
        if let Some(link) = pinned_link(&pin)? {
            if sys::interface_of_link(link.as_fd())? == interface.index {
                // From one packet to the next.
                sys::update_link(link.as_fd(), program.fd()?.as_fd())?;
                return Ok(Way::Link);
            }
            fs::remove_file(&pin)?;
        }
        // Before all others, any of which may end the search.
        let first = TcAttachOptions::TcxOrder(LinkOrder::first());
        match program.attach_with_options(&interface.name, direction, first) {
            Ok(id) => {
                let link: FdLink = program.take_link(id)?.try_into()?;
                self.0.make()?;
                pin_to(link, &pin, interface.index)?;
                Ok(Way::Link)
            }
            // What a kernel says of an attach type that it does not know.
            Err(ProgramError::SyscallError(SyscallError { io_error, .. }))
                if io_error.raw_os_error() == Some(libc::EINVAL) =>
            {
                let owned = known.is_some_and(|known| known.owns_qdisc);
                let owns_qdisc = filters::ensure_qdisc(&interface.name)? || owned;
                filters::attach(program, &interface.name, direction)?;
                Ok(Way::Filter { owns_qdisc })
            }
            Err(error) => Err(error).context("cannot attach"),
        }
    }
}

/// Pins a link that was made by name, if it is on the interface that had the name.
fn pin_to(link: FdLink, pin: &Path, ifindex: u32) -> Result<()> {
    drop(link.pin(pin)?);
    let link = sys::open_pin(pin)?;
    if sys::interface_of_link(link.as_fd())? == ifindex {
        return Ok(());
    }
    fs::remove_file(pin)?;
    bail!("it was renamed just now")
}

fn link_name(ifindex: u32, direction: TcAttachType) -> String {
    let way = if direction == TcAttachType::Egress { "egress" } else { "ingress" };
    format!("{ifindex}_{way}")
}
