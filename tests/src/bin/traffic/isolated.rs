//! Becomes another program in a mount namespace of its own.

use std::{
    fs::{self, File},
    io,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, unshare},
};

const JOURNALD: &str = "/lib/systemd/systemd-journald";

/// Only comes back when something failed.
pub fn become_command(
    unmount: &[PathBuf],
    read_only: &[PathBuf],
    command: &[String],
) -> io::Result<()> {
    let none = None::<&str>;
    enter()?;
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
    run(command)
}

/// The same, where `/dev/log` is the socket at `log`, and the libraries may be other ones.
pub fn become_logged(log: &Path, libraries: Option<&Path>, command: &[String]) -> io::Result<()> {
    let dev = log.with_file_name("dev");
    fs::create_dir_all(&dev)?;
    enter()?;
    mount_dev(&dev, log)?;
    libraries.map_or(Ok(()), mount_libraries)?;
    run(command)
}

/// Puts `dir` over the machine's directory of the same name; what is only there stays.
fn mount_libraries(dir: &Path) -> io::Result<()> {
    let name = dir.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let at = Path::new("/usr/lib").join(name);
    let layers = format!("lowerdir={}:{}", dir.display(), at.display());
    Ok(mount(Some("none"), &at, Some("overlay"), MsFlags::MS_RDONLY, Some(&*layers))?)
}

/// Becomes a journald that no other program of the machine knows of.
pub fn become_journald() -> io::Result<()> {
    enter()?;
    mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    for dir in ["/run/systemd/journal", "/run/log/journal", "/run/sshd", "/run/dev"] {
        fs::create_dir_all(dir)?;
    }
    mount_dev(Path::new("/run/dev"), Path::new("/run/systemd/journal/dev-log"))?;
    run(&[JOURNALD.to_owned()])
}

/// A `/dev` where `/dev/log` leads to `log`, made at `dev` first: a machine without a log has no such
/// name to mount over.
fn mount_dev(dev: &Path, log: &Path) -> io::Result<()> {
    const NAMES: [&str; 7] = ["null", "zero", "random", "urandom", "tty", "ptmx", "pts"];
    let none = None::<&str>;
    mount(Some("none"), dev, Some("tmpfs"), MsFlags::empty(), none)?;
    for name in NAMES {
        let (from, to) = (Path::new("/dev").join(name), dev.join(name));
        if from.is_dir() {
            fs::create_dir(&to)?;
        } else {
            File::create(&to)?;
        }
        mount(Some(&from), &to, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    }
    symlink(log, dev.join("log"))?;
    Ok(mount(Some(dev), "/dev", none, MsFlags::MS_MOVE, none)?)
}

/// Private: nothing mounted or unmounted here reaches the machine.
fn enter() -> io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    Ok(mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none)?)
}

fn run(command: &[String]) -> io::Result<()> {
    let (program, args) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    Err(Command::new(program).args(args).exec())
}
