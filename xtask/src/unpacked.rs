//! Debian's packages of other programs, for the tests: of a known origin.
//!
//! They are unpacked under `target` and never installed.

use std::{fs, path::PathBuf};

use crate::{
    failure::{OrFail, Result},
    interrupt,
    kernels::archive::Archive,
    layout::Layout,
};

/// A package.
pub struct Unpacked {
    name: &'static str,
    /// One of its programs, by which it is known to be there.
    program: &'static str,
    /// What is to be downloaded.
    size: &'static str,
}

/// For the tests of Xray's users: the same API. `VPNMON_XRAY` names another server, such as an Xray.
pub const V2RAY: Unpacked = Unpacked { name: "v2ray", program: "v2ray", size: "8 MB" };
/// Prometheus and promtool, for the tests of metrics.
pub const PROMETHEUS: Unpacked =
    Unpacked { name: "prometheus", program: "promtool", size: "20 MB" };

impl Unpacked {
    fn dir(&self, layout: &Layout) -> PathBuf {
        layout.target.join(self.name)
    }

    /// Where its programs are, if they are there.
    pub fn programs(&self, layout: &Layout) -> PathBuf {
        self.dir(layout).join("usr/bin")
    }

    /// The program that it is known by.
    pub fn program(&self, layout: &Layout) -> PathBuf {
        self.programs(layout).join(self.program)
    }

    /// Fetches it unless it is there. Where that fails the other tests run all the same; those that
    /// need it fail and say so.
    pub fn ensure(&self, layout: &Layout) -> Result<()> {
        if self.program(layout).exists() {
            return Ok(());
        }
        if let Err(failure) = self.fetch(layout) {
            interrupt::check(&format!("fetching {}", self.name))?;
            eprintln!("{failure}; going on without");
        }
        Ok(())
    }

    /// Into a sibling that is renamed, so that no half-done directory is taken for it.
    fn fetch(&self, layout: &Layout) -> Result<()> {
        let (dir, archive) = (self.dir(layout), Archive::of_machine(layout)?);
        let partial = dir.with_added_extension("partial");
        let _not_there = fs::remove_dir_all(&partial);
        archive.unpack(&[self.name.to_owned()], self.size, &partial)?;
        let next = format!("remove target/{} and run this again", self.name);
        fs::rename(&partial, &dir).or_fail(format!("making {}", dir.display()), &next)
    }
}
