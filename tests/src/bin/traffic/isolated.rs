//! Becomes another program in a mount namespace of its own.

use std::{io, os::unix::process::CommandExt, path::PathBuf, process::Command};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, unshare},
};

/// Only comes back when something failed.
pub fn become_command(
    unmount: &[PathBuf],
    read_only: &[PathBuf],
    command: &[String],
) -> io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Private: nothing mounted or unmounted here reaches the machine.
    mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none)?;
    for path in unmount {
        match umount(path) {
            Ok(()) | Err(Errno::EINVAL) => {}
            Err(e) => return Err(e.into()),
        }
    }
    for path in read_only {
        mount(Some(path), path, none, MsFlags::MS_BIND, none)?;
        let read_only = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(none, path, none, read_only, none)?;
    }
    let (program, args) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    Err(Command::new(program).args(args).exec())
}
