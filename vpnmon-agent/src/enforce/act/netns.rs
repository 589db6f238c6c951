//! The network namespaces of the machine.

use std::{
    collections::HashSet,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
};

use super::processes::is_contained;
use crate::sources::sessions::ProcRoot;

/// Where ip-netns(8) keeps those without processes.
const NAMED: &str = "/run/netns";
/// Namespaces looked into at once.
const MAX: usize = 4096;

/// One of them, held open.
#[derive(Debug)]
pub struct NetNs {
    /// Names it as long as it is there.
    pub inode: u64,
    /// For setns(2).
    pub file: File,
}

/// All that processes are in or that have a name, but those of containers.
pub fn all() -> Vec<NetNs> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for pid in ProcRoot::default().pids() {
        let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let is_new = |inode: u64| !seen.contains(&inode) && !is_contained(pid);
        if let Some(netns) = open(path, is_new) {
            seen.insert(netns.inode);
            found.push(netns);
        }
    }
    for entry in fs::read_dir(NAMED).into_iter().flatten().flatten() {
        let netns = open(entry.path(), |inode| !seen.contains(&inode));
        if let Some(netns) = netns.filter(|_| found.len() < MAX) {
            seen.insert(netns.inode);
            found.push(netns);
        }
    }
    found.truncate(MAX);
    found
}

/// The one a process is in.
pub fn of(pid: u32) -> Option<NetNs> {
    open(PathBuf::from(format!("/proc/{pid}/ns/net")), |_| true)
}

fn open(path: PathBuf, is_wanted: impl Fn(u64) -> bool) -> Option<NetNs> {
    let inode = fs::metadata(&path).ok()?.ino();
    is_wanted(inode).then(|| File::open(path).ok()).flatten().map(|file| NetNs { inode, file })
}
