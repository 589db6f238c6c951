//! Processes of a user, and the sessions that are root's.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use nix::sys::signal::Signal;

use super::command;
use crate::{kernel::process::signal as send, order::Process, sources::sessions::ProcRoot};

/// Whoever has no group.
const NOGROUP: u32 = 65_534;
/// Where systemd keeps a user's sessions: with cgroup2 alone, and beside cgroup1.
const SLICES: [&str; 2] = ["/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/unified/user.slice"];

/// Processes of the uid, and those of `sessions` that are still there.
pub fn of(uid: u32, sessions: &BTreeSet<Process>) -> Vec<Process> {
    let proc = ProcRoot::default();
    let found = proc.pids().into_iter().filter(|pid| has_uid(*pid, uid) && !is_contained(*pid));
    let found = found.filter_map(|pid| process(&proc, pid));
    let known: HashSet<_> = found.collect();
    let sessions = sessions.iter().filter(|session| process(&proc, session.pid) == Some(**session));
    known.union(&sessions.copied().collect()).copied().collect()
}

fn process(proc: &ProcRoot, pid: u32) -> Option<Process> {
    proc.stat(pid).map(|stat| Process { pid, start_time: stat.start_time })
}

/// Whether any of a process' uids (real, effective, saved, file system) is this one.
pub fn has_uid(pid: u32, uid: u32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let uids = text.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    uids.split_whitespace().any(|word| word.parse() == Ok(uid))
}

/// Whether root has put it into a container: it has processes of its own to see, but its uids are
/// this machine's. Such a uid only happens to be the user's. (Who is not root needs a user
/// namespace for the same.)
pub fn is_contained(pid: u32) -> bool {
    let differs = |name: &str| {
        let inode = |pid: &str| fs::metadata(format!("/proc/{pid}/ns/{name}")).map(|it| it.ino());
        match (inode(&pid.to_string()), inode("self")) {
            (Ok(its), Ok(ours)) => its != ours,
            _ => false,
        }
    };
    differs("pid") && !differs("user")
}

/// Sends a signal to processes. One that they cannot refuse goes to all others of the uid too.
pub fn signal(uid: u32, processes: &[Process], signal: Signal) {
    if uid == 0 {
        return;
    }
    if signal == Signal::SIGKILL {
        kill_slice(uid);
    }
    if signal != Signal::SIGTERM {
        signal_all(uid, signal);
    }
    let proc = ProcRoot::default();
    for it in processes {
        let is_still = || process(&proc, it.pid) == Some(*it);
        if let Err(error) = send(it.pid, is_still, signal) {
            log::debug!("process {}: {error}", it.pid);
        }
    }
}

/// All that runs in the user's slice, whatever uid it has taken (`cgroup.kill`, kernel 5.14).
fn kill_slice(uid: u32) {
    for dir in SLICES {
        let file = Path::new(dir).join(format!("user-{uid}.slice/cgroup.kill"));
        if file.exists()
            && let Err(error) = fs::write(&file, "1")
        {
            log::debug!("{}: {error}", file.display());
        }
    }
}

/// `kill(-1)` as the user, which no fork can outrun: the kernel does it while nobody can fork
/// (kill(2)). Not where somebody else has the uid in a container.
fn signal_all(uid: u32, signal: Signal) {
    let pids = ProcRoot::default().pids();
    if pids.into_iter().any(|pid| has_uid(pid, uid) && is_contained(pid)) {
        return;
    }
    let mut command = Command::new("kill");
    // Not `-s KILL`, behind which kill of procps 4.0.2 (Debian 12) takes no `-- -1`.
    let signal = signal.as_str().replace("SIG", "-");
    command.args([&signal, "--", "-1"]);
    command.uid(uid).gid(NOGROUP);
    if let Err((_, why)) = command::end("kill", command, command::PATIENCE) {
        // Also where there was nobody to kill; processes get the signal one by one besides.
        log::debug!("uid {uid}: {why}");
    }
}
