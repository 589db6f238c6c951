//! A place of the demo's own: mounts, network, accounts. Nothing in it is the machine's but programs,
//! and all of it is gone with the last process in it.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{Uid, User},
};

use crate::cast::{CAST, HOSTS};

/// In memory, and nobody else's.
const TEMPORARY: &str = "/run";
/// What programs need of the machine's own settings.
const KEPT: [&str; 3] = ["ld.so.cache", "ld.so.conf", "localtime"];
/// uids of the cast: a block that the machine gives to nobody, for its `/proc` is seen.
const UIDS: std::ops::Range<u32> = 58_000..59_900;
const BLOCK: u32 = 100;
const USERS: &str = "root:x:0:0::/root:/bin/sh\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n\
                      nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
const GROUPS: &str = "root:x:0:\nnogroup:x:65534:\n";
const SHADOW: &str = "root:*:::::::\n";

/// Leaves the machine's own mounts and network, and makes accounts that only this place knows.
pub fn enter() -> io::Result<()> {
    if env::temp_dir() != Path::new(TEMPORARY) {
        return Err(io::Error::other("run `cargo xtask demo`, which says TMPDIR=/run"));
    }
    let first = free_uids()?;
    let kept = KEPT.map(|name| (name, fs::read(Path::new("/etc").join(name)).ok()));
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>)?;
    for (kind, at) in [("tmpfs", "/run"), ("tmpfs", "/etc"), ("bpf", "/sys/fs/bpf")] {
        mount(Some("none"), at, Some(kind), MsFlags::empty(), Some("mode=755"))?;
    }
    for (name, bytes) in kept {
        bytes.map_or(Ok(()), |bytes| fs::write(Path::new("/etc").join(name), bytes))?;
    }
    fs::create_dir("/run/sshd")?;
    settings(first)
}

/// The home of a user with an account.
pub fn home(name: &str) -> PathBuf {
    Path::new(TEMPORARY).join("home").join(name)
}

/// The first of so many uids as the cast can need.
fn free_uids() -> io::Result<u32> {
    let is_free = |uid: u32| matches!(User::from_uid(Uid::from_raw(uid)), Ok(None));
    let mut blocks = UIDS.step_by(BLOCK as usize);
    let free = blocks.find(|first| (*first..first + BLOCK).all(is_free));
    free.ok_or_else(|| io::Error::other("no hundred free uids from 58000 on"))
}

fn settings(first_uid: u32) -> io::Result<()> {
    let people = || CAST.iter().filter(|person| person.via.is_ssh()).zip(first_uid..);
    let users = people().map(|(person, uid)| {
        let home = home(person.name);
        format!("{}:x:{uid}:{uid}::{}:/bin/false\n", person.name, home.display())
    });
    let groups = people().map(|(person, uid)| format!("{}:x:{uid}:\n", person.name));
    // No password; unlike `!` it does not lock the account for sshd.
    let shadow = people().map(|(person, _)| format!("{}:*:::::::\n", person.name));
    let hosts = HOSTS.iter().map(|host| format!("{} {}\n", host.address(), host.name));
    for (name, text, mode) in [
        ("passwd", USERS.to_owned() + &users.collect::<String>(), 0o644),
        ("group", GROUPS.to_owned() + &groups.collect::<String>(), 0o644),
        ("shadow", SHADOW.to_owned() + &shadow.collect::<String>(), 0o600),
        ("hosts", hosts.collect(), 0o644),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned(), 0o644),
        // dropbear lets in only who has one of these.
        ("shells", "/bin/sh\n/bin/false\n".to_owned(), 0o644),
    ] {
        let file = Path::new("/etc").join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}
