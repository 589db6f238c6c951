//! A fresh Debian 12, made once and kept.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{OrFail, Result},
    kernels::{archive::Archive, sites::Sites},
    layout::{self, Layout},
    packages::{self, Package},
    step,
};

const RELEASE: &str = "bookworm";
/// Beyond the smallest system: an init, what the package recommends (the machine has no network), and
/// what the checks call.
const PACKAGES: &str =
    "systemd,systemd-sysv,dbus,ca-certificates,iproute2,passwd,procps,cron,man-db";
const NEEDED: [Package; 3] = [
    Package { name: "debootstrap", needs: &["debootstrap"], why: "a fresh Debian to install into" },
    Package { name: "util-linux", needs: &["unshare", "nsenter"], why: "a machine of its own" },
    Package { name: "bpftool", needs: &["bpftool"], why: "what is attached to a cgroup" },
];

/// The tree that is asked for, or a fresh one; nothing is ever written into it.
pub fn ensure(layout: &Layout, given: Option<&Path>) -> Result<PathBuf> {
    packages::ensure_all(layout, &NEEDED)?;
    if let Some(tree) = given {
        return tree.canonicalize().or_fail(format!("opening {}", tree.display()), "make it");
    }
    let dir = layout.target.join("trees");
    let tree = dir.join(RELEASE);
    if tree.is_dir() {
        return Ok(tree);
    }
    layout::make_dir(&dir)?;
    // Renamed when it is whole.
    let fresh = dir.join(format!("{RELEASE}.new"));
    let next = format!("remove {} and run this again", fresh.display());
    if fresh.exists() {
        fs::remove_dir_all(&fresh).or_fail("making a Debian tree", &next)?;
    }
    let sites = Sites::ask(&Archive::of_machine(layout)?)?;
    let mut command = Command::new("debootstrap");
    command
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), RELEASE])
        .arg(&fresh)
        .arg(sites.main()?);
    let log = layout.log("debootstrap")?;
    step::logged("making a Debian 12 tree", "about 60 s, once", &log, &mut command)?;
    // What apt has downloaded takes as much room as half of the rest.
    let _room = fs::remove_dir_all(fresh.join("var/cache/apt/archives"));
    fs::rename(&fresh, &tree).or_fail("making a Debian tree", &next)?;
    Ok(tree)
}
