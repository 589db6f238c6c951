//! The directory of pins: which are there, and how they go.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use vpnmon_common::names::{PINNED_MAPS, REGISTRY};

const LINKS: [&str; 2] = ["egress_link", "ingress_link"];

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

    /// Whether a whole set of maps is there. The registry is pinned last.
    pub fn has_maps(&self) -> Result<bool> {
        let path = self.path(REGISTRY);
        path.try_exists().with_context(|| format!("cannot look at {}", path.display()))
    }

    /// Clears away maps of a start that was killed before it had pinned all of them. Nothing has
    /// counted in them yet.
    pub fn remove_half_done(&self) -> Result<()> {
        self.remove_links()?;
        PINNED_MAPS.iter().try_for_each(|name| self.remove(name))
    }

    /// The programs go with their links.
    pub fn remove_links(&self) -> Result<()> {
        LINKS.iter().try_for_each(|name| self.remove(name))
    }

    /// Everything, and the directory. The registry first: without it the rest is half-done.
    pub fn remove_all(&self) -> Result<()> {
        self.remove_links()?;
        self.remove(REGISTRY)?;
        PINNED_MAPS.iter().try_for_each(|name| self.remove(name))?;
        match fs::remove_dir(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// What a start that fails must take away again.
    pub const fn undo(&self) -> Undo<'_> {
        Undo { pins: self, maps: false, links: Vec::new() }
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Takes away on drop what it was told of, unless [`Undo::keep`] says that all went well.
pub struct Undo<'a> {
    pins: &'a Pins,
    maps: bool,
    links: Vec<&'static str>,
}

impl Undo<'_> {
    /// Maps are being made.
    pub const fn maps(&mut self) {
        self.maps = true;
    }

    /// This link was made.
    pub fn link(&mut self, name: &'static str) {
        self.links.push(name);
    }

    /// All went well.
    pub fn keep(mut self) {
        self.maps = false;
        self.links.clear();
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let links = self.links.iter().try_for_each(|name| self.pins.remove(name));
        let maps = if self.maps { self.pins.remove_all() } else { Ok(()) };
        if let Err(error) = links.and(maps) {
            log::error!("cannot undo a failed start: {error:#}; run `vpnmon-agent detach`");
        }
    }
}
