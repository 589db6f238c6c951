//! Accounts of the machine, made for one test.

use std::{fs, process, sync::atomic::AtomicU32, sync::atomic::Ordering};

use nix::unistd::{Uid, User};

use crate::process::{outcome, run};

/// First uid of the tests; below `ssh.max_uid`, above what a machine hands out itself.
const FIRST_UID: u32 = 30_000;
const UIDS: u32 = 29_000;

/// Users made by this process, so that names and uids never come twice in one run.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A passwd entry with no home and no shell; removed on drop.
#[derive(Debug)]
pub struct TestUser {
    /// Account name.
    pub name: String,
    /// User id, also the group id.
    pub uid: u32,
}

impl TestUser {
    /// Adds `vt-NAME-N` with a free uid. Key authentication works, a password never does.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let serial = MADE.fetch_add(1, Ordering::Relaxed);
        let start = process::id().wrapping_mul(64).wrapping_add(serial);
        let uid = (0..UIDS)
            .map(|step| FIRST_UID + start.wrapping_add(step) % UIDS)
            .find(|uid| matches!(User::from_uid(Uid::from_raw(*uid)), Ok(None)))
            .unwrap_or_else(|| panic!("no free uid from {FIRST_UID} on"));
        let user = Self { name: format!("vt-{name}-{}-{serial}", process::id()), uid };
        // `*` is no password, but unlike `!` it does not lock the account for sshd.
        let id = uid.to_string();
        run("useradd", &["-M", "-s", "/bin/false", "-p", "*", "-u", &id, &user.name]);
        user
    }
}

impl Drop for TestUser {
    fn drop(&mut self) {
        for pid in processes_of(self.uid) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let ended = outcome("userdel", &["-f", &self.name]);
        // An agent may have deleted it: then it does not exist (userdel(8)).
        let removed = matches!(ended.code, 0 | 6) || std::thread::panicking();
        assert!(removed, "userdel {}: {}", self.name, ended.stderr);
    }
}

/// The processes whose real uid is `uid`: a test user runs nothing but the test's.
#[must_use]
pub fn processes_of(uid: u32) -> Vec<i32> {
    let wanted = format!("Uid:\t{uid}\t");
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/status"))
                .is_ok_and(|text| text.contains(&wanted))
        })
        .collect()
}
