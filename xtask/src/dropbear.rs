//! A dropbear that gives up root for its users (from 2025.89 on), beside the machine's older one.
//!
//! It is unpacked under `target` with the libraries of its own release, and never installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{OrFail, Result},
    interrupt,
    kernels::{
        archive::Archive,
        plan,
        sites::{Sites, Suites},
    },
    layout::Layout,
};

const PACKAGE: &str = "dropbear-bin";
/// The release whose dropbear is 2025.89.
const SUITES: Suites =
    Suites { main: &["trixie", "trixie-updates"], security: &["trixie-security"] };
const NEXT: &str = "remove target/dropbear and run this again";

/// Where it is, if it is there.
pub fn dir(layout: &Layout) -> PathBuf {
    layout.target.join("dropbear")
}

/// Fetches it unless it is there. Where that fails the other tests run all the same; those that need
/// it fail and say so.
pub fn ensure(layout: &Layout) -> Result<()> {
    let dir = dir(layout);
    if dir.exists() {
        return Ok(());
    }
    if let Err(failure) = fetch(layout, &dir) {
        interrupt::check("fetching a newer dropbear")?;
        eprintln!("{failure}; going on without");
    }
    Ok(())
}

/// Into a sibling that is renamed, so that no half-done directory is taken for it.
fn fetch(layout: &Layout, dir: &Path) -> Result<()> {
    let machine = Archive::of_machine(layout)?;
    let archive = Sites::ask(&machine)?.archive(layout, "dropbear", &SUITES)?;
    let partial = dir.with_added_extension("partial");
    let _not_there = fs::remove_dir_all(&partial);
    archive.unpack(&plan::plan(&archive, PACKAGE)?, "5 MB", &partial)?;
    fs::rename(&partial, dir).or_fail(format!("making {}", dir.display()), NEXT)
}
