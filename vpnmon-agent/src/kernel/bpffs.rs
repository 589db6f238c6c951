//! The file system that pins live in.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    mount::{MsFlags, mount},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use super::mounts;

/// Where every distribution mounts it.
pub const USUAL: &str = "/sys/fs/bpf";

/// Makes `dir` on a bpffs, mounting that at the usual place where it is missing.
pub fn ensure(dir: &Path) -> Result<()> {
    if dir.starts_with(USUAL) && !mounts::is_mounted(&mounts::all()?, Path::new(USUAL), "bpf") {
        let none = None::<&str>;
        mount(Some("bpf"), USUAL, Some("bpf"), MsFlags::empty(), Some("mode=700"))
            .or_else(|_| mount(none, USUAL, Some("bpf"), MsFlags::empty(), none))
            .with_context(|| format!("cannot mount bpffs at {USUAL}"))?;
    }
    let made = DirBuilder::new().mode(0o700).create(dir);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", dir.display()));
        }
        _ => {}
    }
    if !is_bpffs(dir)? {
        let _only_if_empty = fs::remove_dir(dir);
        bail!(
            "agent.bpffs {} is on no bpffs, where maps and links are pinned; name a directory \
             below {USUAL}",
            dir.display()
        );
    }
    Ok(())
}

/// Whether `path` is on a bpffs.
pub fn is_bpffs(path: &Path) -> Result<bool> {
    let found = statfs(path).with_context(|| format!("cannot look at {}", path.display()))?;
    Ok(found.filesystem_type() == BPF_FS_MAGIC)
}
