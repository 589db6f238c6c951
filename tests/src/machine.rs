//! The machine the tests run on: one test at a time, as root, with every program there.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{mount::umount, sys::utsname::uname, unistd::geteuid};

use crate::wait::wait_for;

/// One test holds it at a time, whichever process it runs in.
const LOCK: &str = "/run/vpnmon-tests.lock";
const BPFFS: &str = "/sys/fs/bpf";
/// Packets that wait for a CPU. A busy machine drops some of a wire's beyond the usual 1000, and the
/// tests compare what was sent with what has come.
const BACKLOG: &str = "/proc/sys/net/core/netdev_max_backlog";
const LONG_BACKLOG: &str = "100000";
const PROGRAMS: [&str; 17] = [
    "dropbear",
    "dropbearkey",
    "ethtool",
    "ip",
    "journalctl",
    "logger",
    "nft",
    "nsenter",
    "setarch",
    "ss",
    "ssh",
    "ssh-keygen",
    "sshd",
    "strace",
    "useradd",
    "userdel",
    "usermod",
];

/// The right to change the machine. Taken first, so dropped last.
#[derive(Debug)]
pub struct Machine {
    _lock: File,
    mounted_before: bool,
    backlog_before: String,
}

impl Machine {
    /// Waits for its turn, then checks that the test can run at all.
    #[must_use]
    pub fn take() -> Self {
        assert!(geteuid().is_root(), "the system tests need root: run them with sudo");
        for program in PROGRAMS {
            assert!(
                find(program).is_some(),
                "the system tests need `{program}` in PATH: install it"
            );
        }
        let lock = File::create(LOCK).unwrap_or_else(|e| panic!("cannot create {LOCK}: {e}"));
        wait_for("the test before this one", Duration::from_mins(20), || match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(format!("{LOCK} is held")),
            Err(TryLockError::Error(e)) => panic!("cannot lock {LOCK}: {e}"),
        });
        let backlog_before = fs::read_to_string(BACKLOG).unwrap_or_default();
        let _ = fs::write(BACKLOG, LONG_BACKLOG);
        Self { _lock: lock, mounted_before: is_mounted(BPFFS), backlog_before }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::write(BACKLOG, &self.backlog_before);
        // The agent mounts bpffs where it is missing; nobody else's pins are in an empty one.
        let empty = fs::read_dir(BPFFS).is_ok_and(|mut entries| entries.next().is_none());
        if !self.mounted_before && is_mounted(BPFFS) && empty {
            let _ = umount(BPFFS);
        }
    }
}

/// Whether something is mounted at `path`.
#[must_use]
pub fn is_mounted(path: &str) -> bool {
    mounts().iter().any(|mount| mount.at == Path::new(path))
}

/// The first cgroup2 mount of the machine.
#[must_use]
pub fn cgroup2() -> PathBuf {
    let found = mounts().into_iter().find(|mount| mount.kind == "cgroup2");
    found.unwrap_or_else(|| panic!("no cgroup2 is mounted: mount -t cgroup2 none DIR")).at
}

/// Major and minor version of the running kernel.
#[must_use]
pub fn kernel_version() -> (u32, u32) {
    let name = uname().unwrap_or_else(|e| panic!("uname: {e}"));
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor),
        _ => panic!("a kernel named {release}"),
    }
}

struct Mount {
    at: PathBuf,
    kind: String,
}

/// `/proc/self/mountinfo`: the fifth word is the place, the type follows the lone dash.
fn mounts() -> Vec<Mount> {
    let text = fs::read_to_string("/proc/self/mountinfo")
        .unwrap_or_else(|e| panic!("cannot read the mounts: {e}"));
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let at = PathBuf::from(left.split(' ').nth(4)?);
        Some(Mount { at, kind: right.split(' ').next()?.to_owned() })
    };
    text.lines().filter_map(mount).collect()
}

/// The file that `program` names in PATH.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The file of the environment variable `name`, else `built`, a path below the workspace.
#[must_use]
pub fn artifact(name: &str, built: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = std::env::var_os(name).map_or_else(|| workspace.join(built), PathBuf::from);
    file.canonicalize()
        .unwrap_or_else(|e| panic!("{}: {e}; build it, or name it in {name}", file.display()))
}
