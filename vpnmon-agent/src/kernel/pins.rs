//! The directory of pins: which are there, and how they go.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use vpnmon_common::names::{PINNED_MAPS, REGISTRY, SHARED_MAPS};

const NEXT: &str = "next";
const INTERFACES: &str = "interfaces";
/// The link of the egress program.
pub const EGRESS_LINK: &str = "egress_link";
/// The link of the ingress program.
pub const INGRESS_LINK: &str = "ingress_link";
/// The link of the program that tags sockets.
pub const SOCKET_LINK: &str = "socket_link";
const LINKS: [&str; 3] = [EGRESS_LINK, INGRESS_LINK, SOCKET_LINK];

/// `agent.bpffs`.
#[derive(Clone, Debug)]
pub struct Pins {
    dir: PathBuf,
}

impl Pins {
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Where `name` is pinned.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where the maps of a new layout are until those of the old one are written down.
    pub fn next(&self) -> Self {
        Self { dir: self.dir.join(NEXT) }
    }

    /// Makes the directory.
    pub fn make(&self) -> Result<()> {
        match fs::create_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot make {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// Puts the next maps in the place of these, which are written down. The old registry goes
    /// first and the new one comes last, so that a crash in between is seen, and finished by the
    /// next call.
    pub fn replace_by_next(&self) -> Result<()> {
        let next = self.next();
        self.remove(REGISTRY)?;
        for name in PINNED_MAPS {
            let (from, to) = (next.path(name), self.path(name));
            if from.exists() {
                fs::rename(&from, &to)
                    .with_context(|| format!("cannot move {}", from.display()))?;
            }
        }
        next.remove_dir()
    }

    /// Finishes what a crash has cut short: see [`Pins::replace_by_next`].
    pub fn finish_replacing(&self) -> Result<()> {
        if !self.has_maps()? && self.next().has_maps()? { self.replace_by_next() } else { Ok(()) }
    }

    /// Whether a whole set of maps is there. The registry is pinned last.
    pub fn has_maps(&self) -> Result<bool> {
        let path = self.path(REGISTRY);
        path.try_exists().with_context(|| format!("cannot look at {}", path.display()))
    }

    /// Clears away maps of a start that was killed before it had pinned all of them. Nothing has
    /// counted in them yet.
    pub fn remove_half_done(&self) -> Result<()> {
        self.remove_links()?;
        self.remove_maps()?;
        self.next().remove_dir()
    }

    /// Maps that have counted nothing. The directory stays: the lock is on it.
    pub fn remove_maps(&self) -> Result<()> {
        PINNED_MAPS.iter().chain(&SHARED_MAPS).try_for_each(|name| self.remove(name))
    }

    /// The programs go with their links.
    pub fn remove_links(&self) -> Result<()> {
        LINKS.iter().try_for_each(|name| self.remove(name))?;
        self.interfaces().remove_interface_links()
    }

    /// Where the links of interfaces are, by index of the interface.
    pub fn interfaces(&self) -> Self {
        Self { dir: self.dir.join(INTERFACES) }
    }

    /// All that is in [`Pins::interfaces`], and the directory.
    fn remove_interface_links(&self) -> Result<()> {
        for name in self.names() {
            self.remove(&name)?;
        }
        match fs::remove_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// What is pinned here, by name.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Everything, and the directory. The registry first: without it the rest is half-done.
    pub fn remove_all(&self) -> Result<()> {
        self.remove_links()?;
        self.remove(REGISTRY)?;
        self.remove_maps()?;
        self.next().remove_dir()?;
        self.remove_dir()
    }

    /// The directory and what maps are in it.
    pub fn remove_dir(&self) -> Result<()> {
        self.remove_maps()?;
        match fs::remove_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// Lets go of what is pinned under this name, if anything.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Maps that are pinned for a moment; let go of on drop.
pub struct Shared(Pins);

impl Shared {
    /// Where none is yet; what a start that was killed has left there goes.
    pub fn new(pins: &Pins) -> Result<Self> {
        SHARED_MAPS.iter().try_for_each(|name| pins.remove(name))?;
        Ok(Self(pins.clone()))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = SHARED_MAPS.iter().try_for_each(|name| self.0.remove(name)) {
            log::warn!("{error:#}; the next start tries again");
        }
    }
}

/// Takes away on drop what it was told of, unless [`Undo::keep`] says that all went well.
#[derive(Default)]
pub struct Undo {
    maps: Option<Pins>,
    links: Vec<PathBuf>,
}

impl Undo {
    /// Maps are being made.
    pub fn maps(&mut self, pins: &Pins) {
        self.maps = Some(pins.clone());
    }

    /// This link was made.
    pub fn link(&mut self, pin: PathBuf) {
        self.links.push(pin);
    }

    /// What was made has packets in it, or all went well.
    pub fn keep(&mut self) {
        // Not by assignment: that would drop, and so undo, what is to be kept.
        self.maps = None;
        self.links.clear();
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let links = self.links.iter().try_for_each(fs::remove_file).map_err(Into::into);
        let maps = self.maps.as_ref().map_or(Ok(()), Pins::remove_maps);
        if let Err(error) = links.and(maps) {
            log::error!("cannot undo a failed start: {error:#}; run `vpnmon-agent detach`");
        }
    }
}
