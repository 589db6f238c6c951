//! A disk that can be full, or turn read-only.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount, umount};

use crate::wait::{SOON, wait_for};

/// A small file system of its own; unmounted on drop.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many kibibytes.
    #[must_use]
    pub fn mount(at: &Path, kib: u32) -> Self {
        fs::create_dir_all(at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
        let (none, options) = (MsFlags::empty(), format!("size={kib}k,mode=755"));
        mount(Some("small"), at, Some("tmpfs"), none, Some(options.as_str()))
            .unwrap_or_else(|e| panic!("no tmpfs at {}: {e}", at.display()));
        Self(at.to_owned())
    }

    /// Leaves no byte.
    pub fn fill(&self) {
        let filler = self.filler();
        let mut filler = File::create(&filler).unwrap_or_else(|e| panic!("no filler: {e}"));
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    /// Gives it all back.
    pub fn clear(&self) {
        fs::remove_file(self.filler()).unwrap_or_else(|e| panic!("the filler: {e}"));
    }

    /// Allows writing, or does not.
    pub fn read_only(&self, on: bool) {
        let flag = if on { MsFlags::MS_RDONLY } else { MsFlags::empty() };
        let none = None::<&str>;
        // An open file for writing keeps it busy for a moment.
        wait_for("a remount", SOON, || {
            mount(none, &self.0, none, MsFlags::MS_REMOUNT | flag, none).map_err(|e| e.to_string())
        });
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount(&self.0);
    }
}
