//! Where the programs count: the cgroup2 mount, or a part of it.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use super::mounts;

/// A directory of a cgroup2 mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Where it is.
    pub path: PathBuf,
    /// The kernel's id of it, which is the inode of the directory (kernfs, 64-bit kernels).
    pub id: u64,
}

/// The cgroup that `meter.cgroup` names, or the first cgroup2 mount: on hybrid hosts that is
/// `/sys/fs/cgroup/unified`.
pub fn find(chosen: Option<&Path>) -> Result<Cgroup> {
    let path = match chosen {
        Some(path) => path.to_owned(),
        None => mount()?,
    };
    let kind = statfs(&path).with_context(|| format!("cannot look at {}", path.display()))?;
    ensure!(
        kind.filesystem_type() == CGROUP2_SUPER_MAGIC,
        "meter.cgroup {} is in no cgroup2 mount; name a directory below one, or `auto`",
        path.display()
    );
    let id = fs::metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
    Ok(Cgroup { id: id.ino(), path })
}

impl Cgroup {
    /// The directory, for attaching.
    pub fn open(&self) -> Result<File> {
        File::open(&self.path).with_context(|| format!("cannot open {}", self.path.display()))
    }
}

fn mount() -> Result<PathBuf> {
    let found = mounts::all()?.into_iter().find(|mount| mount.kind == "cgroup2");
    let found = found.context(
        "no cgroup2 is mounted, and the programs count there; \
         run `mount -t cgroup2 none /sys/fs/cgroup` or boot with systemd.unified_cgroup_hierarchy",
    )?;
    Ok(found.at)
}
