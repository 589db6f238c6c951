//! Enters cgroup, network namespace and uid, in this order: each needs root.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process,
};

use nix::{
    sched::{CloneFlags, setns},
    sys::{prctl, signal::Signal},
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};
use vpnmon_tests::order::Place;

/// Goes there and binds its life to the test's.
pub fn enter(place: &Place) -> io::Result<()> {
    if let Some(cgroup) = &place.cgroup {
        fs::write(cgroup.join("cgroup.procs"), process::id().to_string())?;
    }
    if let Some(netns) = &place.netns {
        setns(File::open(Path::new("/run/netns").join(netns))?, CloneFlags::CLONE_NEWNET)?;
    }
    if let Some(uid) = place.uid {
        setgroups(&[])?;
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
    }
    // After the change of uid, which would clear it.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    Ok(())
}
