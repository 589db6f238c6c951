//! A cgroup of the test's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

use crate::{machine::cgroup2, wait::SOON, wait::wait_for};

/// A directory below the cgroup2 mount; removed on drop.
#[derive(Debug)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes `vpnmon-test-PID-NAME`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let path = cgroup2().join(format!("vpnmon-test-{}-{name}", process::id()));
        fs::create_dir(&path).unwrap_or_else(|e| panic!("cannot create {}: {e}", path.display()));
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Servers leave a process a session, which outlives a failed test; 5.14 and later.
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        // EBUSY until the last process, killed a moment ago, has left it.
        let removed = || fs::remove_dir(&self.0).map_err(|e| e.to_string());
        if std::thread::panicking() {
            let until = Instant::now() + SOON;
            while removed().is_err() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
        } else {
            wait_for("an empty cgroup", SOON, removed);
        }
    }
}
