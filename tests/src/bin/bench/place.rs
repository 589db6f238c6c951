//! Where sockets are made: a socket keeps the cgroup, the network namespace and the file-system
//! uid that its maker had.

use std::{
    fs::{self, File},
    io,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process, thread,
};

use nix::{
    sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, setns},
    unistd::{Pid, Uid, setfsuid},
};
use vpnmon_tests::{cgroup::Cgroup, machine::cgroup2, namespace::Namespace};

/// A network namespace and, where programs see the sockets, a cgroup.
#[derive(Clone, Debug)]
pub struct Place {
    netns: PathBuf,
    cgroup: Option<PathBuf>,
}

impl Place {
    /// The loopback of `netns`; without a cgroup the process stays where it is.
    pub fn new(netns: &Namespace, cgroup: Option<&Cgroup>) -> Self {
        let netns = Path::new("/run/netns").join(&netns.name);
        Self { netns, cgroup: cgroup.map(|cgroup| cgroup.path().to_owned()) }
    }

    /// Runs `work` there, which panics where it fails. This thread stays in the namespace, the
    /// process goes back to its cgroup.
    pub fn enter<T>(&self, work: impl FnOnce() -> io::Result<T>) -> T {
        let _inside = self.cgroup.as_deref().map(Inside::enter);
        let _root = RootAgain;
        let there = File::open(&self.netns)
            .and_then(|netns| Ok(setns(netns, CloneFlags::CLONE_NEWNET)?))
            .and_then(|()| work());
        there.unwrap_or_else(|e| panic!("sockets in {self:?}: {e}"))
    }

    /// The same in a thread of its own: the caller's stays in its namespace.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> T {
        thread::scope(|scope| {
            let there = scope.spawn(|| self.enter(work));
            there.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

/// Whoever has made sockets of others may not move processes before it is root again.
struct RootAgain;

impl Drop for RootAgain {
    fn drop(&mut self) {
        setfsuid(Uid::from_raw(0));
    }
}

/// This process is in a cgroup; it goes back on drop.
struct Inside {
    back: PathBuf,
}

impl Inside {
    fn enter(cgroup: &Path) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        // The line of the second hierarchy, as cgroups(7) has it.
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        let inside = Self { back: cgroup2().join(own) };
        go(cgroup).unwrap_or_else(|e| panic!("cannot enter {}: {e}", cgroup.display()));
        inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Err(error) = go(&self.back) {
            eprintln!("cannot go back to {}: {error}", self.back.display());
        }
    }
}

fn go(cgroup: &Path) -> io::Result<()> {
    fs::write(cgroup.join("cgroup.procs"), process::id().to_string())
}

/// This thread stays on one CPU; it may use all again on drop.
pub struct Pinned(CpuSet);

impl Pinned {
    /// On the last CPU, which has the least to do with interrupts.
    pub fn new() -> Self {
        let this = Pid::from_raw(0);
        let all = sched_getaffinity(this).unwrap_or_else(|e| panic!("which CPUs are here: {e}"));
        let last = (0..CpuSet::count()).rfind(|cpu| all.is_set(*cpu).unwrap_or(false));
        let mut one = CpuSet::new();
        one.set(last.unwrap_or(0)).unwrap_or_else(|e| panic!("CPU {last:?}: {e}"));
        sched_setaffinity(this, &one).unwrap_or_else(|e| panic!("cannot stay on a CPU: {e}"));
        Self(all)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}
