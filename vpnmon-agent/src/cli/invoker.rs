//! Who is at the keyboard.

use std::{env, fs};

/// `(uid_t)-1`: a process that no login has begun.
const UNSET: u32 = u32::MAX;

/// Uids of whoever has typed the command: as sudo says, and as the kernel has kept since the login
/// (loginuid, proc(5)). Root does not count: everybody is root here.
pub fn uids() -> Vec<u32> {
    let sudo = env::var("SUDO_UID").ok();
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    let uids = [sudo, login].into_iter().flatten().filter_map(|text| text.trim().parse().ok());
    let mut uids: Vec<u32> = uids.filter(|uid| !matches!(*uid, 0 | UNSET)).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}
