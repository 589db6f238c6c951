//! proc(5), as far as sessions need it. Any answer may be missing: processes end while one looks.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use super::Server;

/// Some ten thousand children.
const MAX_CHILDREN: u64 = 64 << 10;
/// What is read at once; more than any `stat`, `status` or title has.
const PAGE: usize = 4096;
/// The part of a file's flags that says whether it is read (0) or written (1).
const O_ACCMODE: u32 = 3;
/// File descriptors looked at in one process.
const MAX_FDS: usize = 16_384;

/// Where proc(5) is mounted; a test has one of its own.
#[derive(Clone, Debug)]
pub struct ProcRoot(pub PathBuf);

impl Default for ProcRoot {
    fn default() -> Self {
        Self(PathBuf::from("/proc"))
    }
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its parent.
    pub parent: u32,
    /// Clock ticks between boot and its start (field 22).
    pub start_time: u64,
}

/// One open file of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fd {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub kind: FdKind,
}

/// Open files that tell something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdKind {
    /// A socket, by inode.
    Socket(u64),
    /// The end of a pipe that is only read, by inode.
    PipeOut(u64),
    /// The end of a pipe that is only written, by inode.
    PipeIn(u64),
}

impl ProcRoot {
    fn of(&self, pid: u32, name: &str) -> PathBuf {
        self.0.join(pid.to_string()).join(name)
    }

    /// Parent and start of a process.
    pub fn stat(&self, pid: u32) -> Option<Stat> {
        let text = read(&self.of(pid, "stat"))?;
        // The name in parentheses may hold blanks and parentheses itself.
        let end = text.windows(2).rposition(|two| two == b") ")?;
        let fields: Vec<_> = text[end + 2..].split(|byte| *byte == b' ').collect();
        let number = |at: usize| std::str::from_utf8(fields.get(at)?).ok()?.trim().parse().ok();
        let parent = u32::try_from(number(1)?).ok()?;
        // A zombie has closed its sockets and waits for nothing but its parent.
        let ended = matches!(fields.first(), Some(&(b"Z" | b"X")));
        (!ended).then_some(Stat { parent, start_time: number(19)? })
    }

    /// A number of the process' directory, a tenth of the cost of [`ProcRoot::stat`]. The kernel makes
    /// a new one for each process, and for the same one when memory is short: with the same number it
    /// is the same process. (In a directory of files it may be used again.)
    pub fn mark(&self, pid: u32) -> Option<u64> {
        fs::metadata(self.0.join(pid.to_string())).ok().map(|dir| dir.ino())
    }

    /// The server that a process runs, if the file it runs is the administrator's: anybody can name
    /// a file `sshd`. "The administrator" is who `/proc` itself belongs to.
    pub fn server(&self, pid: u32) -> Option<Server> {
        Server::of_program(&self.program(pid)?)
    }

    /// The file name of a process' program, if the program is root's and nobody else can write to it.
    pub fn program(&self, pid: u32) -> Option<Vec<u8>> {
        let link = self.of(pid, "exe");
        let target = fs::read_link(&link).ok()?;
        let name = target.file_name()?.as_bytes();
        // An upgrade takes the file from under its processes; dpkg moves it away first.
        let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
        let name = name.strip_suffix(b".dpkg-tmp").unwrap_or(name).to_vec();
        let file = fs::metadata(&link).ok()?;
        let owner = fs::metadata(&self.0).ok()?.uid();
        (file.uid() == owner && file.permissions().mode() & 0o022 == 0).then_some(name)
    }

    /// Whether a process runs anything: one that is about to end does not any more.
    pub fn runs(&self, pid: u32) -> bool {
        fs::read_link(self.of(pid, "exe")).is_ok()
    }

    /// Real and effective uid.
    pub fn uids(&self, pid: u32) -> Option<(u32, u32)> {
        let text = read(&self.of(pid, "status"))?;
        let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
        let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
        let mut uid = || words.next()?.parse().ok();
        Some((uid()?, uid()?))
    }

    /// Effective capabilities, as the bits of `capabilities(7)`.
    pub fn capabilities(&self, pid: u32) -> Option<u64> {
        let text = read(&self.of(pid, "status"))?;
        let mut lines = text.split(|byte| *byte == b'\n');
        let bits = lines.find_map(|line| line.strip_prefix(b"CapEff:"))?;
        u64::from_str_radix(std::str::from_utf8(bits).ok()?.trim(), 16).ok()
    }

    /// The title, if a process has given itself one: its first argument.
    pub fn title(&self, pid: u32) -> Option<String> {
        let text = read(&self.of(pid, "cmdline"))?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        String::from_utf8(text[..end].to_vec()).ok()
    }

    /// The children of a process of one thread; `None` where the kernel does not list them
    /// (`CONFIG_PROC_CHILDREN`).
    pub fn children(&self, pid: u32) -> Option<Vec<u32>> {
        let path = self.of(pid, &format!("task/{pid}/children"));
        let text = read_to_end(&path, MAX_CHILDREN)?;
        let text = String::from_utf8(text).ok()?;
        Some(text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect())
    }

    /// Seconds since boot.
    pub fn uptime(&self) -> Option<u64> {
        let text = read(&self.0.join("uptime"))?;
        let end = text.iter().position(|byte| *byte == b'.')?;
        std::str::from_utf8(&text[..end]).ok()?.parse().ok()
    }

    /// All processes.
    pub fn pids(&self) -> Vec<u32> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Sockets and pipes of a process, by number.
    pub fn fds(&self, pid: u32) -> Vec<Fd> {
        let entries = fs::read_dir(self.of(pid, "fd")).into_iter().flatten().flatten();
        let fd = |entry: fs::DirEntry| self.fd(pid, &entry.path());
        let mut fds: Vec<_> = entries.take(MAX_FDS).filter_map(fd).collect();
        fds.sort_by_key(|fd| fd.number);
        fds
    }

    /// Inodes of all sockets of a process.
    pub fn socket_inodes(&self, pid: u32) -> Vec<u64> {
        let sockets = self.fds(pid).into_iter().filter_map(|fd| match fd.kind {
            FdKind::Socket(inode) => Some(inode),
            FdKind::PipeOut(_) | FdKind::PipeIn(_) => None,
        });
        sockets.collect()
    }

    fn fd(&self, pid: u32, path: &Path) -> Option<Fd> {
        let number = path.file_name()?.to_str()?.parse().ok()?;
        let target = fs::read_link(path).ok()?;
        let target = target.to_str()?;
        let inode = |prefix| target.strip_prefix(prefix)?.strip_suffix(']')?.parse().ok();
        if let Some(inode) = inode("socket:[") {
            return Some(Fd { number, kind: FdKind::Socket(inode) });
        }
        let inode = inode("pipe:[")?;
        let kind = match self.flags(pid, number)? & O_ACCMODE {
            0 => FdKind::PipeOut(inode),
            1 => FdKind::PipeIn(inode),
            _ => return None,
        };
        Some(Fd { number, kind })
    }

    /// How a file was opened.
    fn flags(&self, pid: u32, fd: u32) -> Option<u32> {
        let text = read(&self.of(pid, &format!("fdinfo/{fd}")))?;
        let text = String::from_utf8(text).ok()?;
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    }

    /// Names the network namespace of a process.
    pub fn netns(&self, pid: u32) -> Option<OsString> {
        fs::read_link(self.of(pid, "ns/net")).ok().map(PathBuf::into_os_string)
    }

    /// A table of the network namespace of a process: `tcp` or `tcp6`.
    pub fn table(&self, pid: u32, name: &str, limit: u64) -> Option<Vec<u8>> {
        read_to_end(&self.of(pid, &format!("net/{name}")), limit)
    }
}

/// A file that the kernel hands out whole, as far as it goes.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut text = vec![0; PAGE];
    let len = File::open(path).ok()?.read(&mut text).ok()?;
    text.truncate(len);
    Some(text)
}

/// A file that comes piece by piece.
fn read_to_end(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(4 * PAGE);
    File::open(path).ok()?.take(limit).read_to_end(&mut text).ok()?;
    Some(text)
}
