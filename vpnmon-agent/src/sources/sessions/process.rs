//! Server processes: which one listens, which one has a client, and how far that one is.

use std::net::SocketAddr;

use super::{
    Server,
    message::is_name,
    procfs::{Fd, FdKind, ProcRoot},
    sockets::{Tables, TcpTable, tcp_of},
};

/// A process that runs a server's program, as the administrator installed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// With the id, what no other process ever has.
    pub start_time: u64,
    /// Which server.
    pub server: Server,
    /// Its parent.
    pub parent: u32,
    /// Real uid, if the effective one is the same.
    pub uid: Option<u32>,
}

/// Where a process with a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A listening process of the same server made it.
    Listener(Process),
    /// Its parent is something else: inetd, systemd, or init where the listener has ended since.
    Orphan,
    /// Not of root's making.
    Foreign,
}

/// How far a process with a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has logged in.
    Before,
    /// Somebody has, and the server does not tell who.
    Somebody,
    /// Somebody has, and the process has taken this uid.
    Uid(u32),
    /// This user has, says root's process; the sessions' processes beside the asked one.
    User(String, Vec<Process>),
}

/// The process `pid`, if it runs a server's program.
pub fn process(proc: &ProcRoot, pid: u32) -> Option<Process> {
    let server = proc.server(pid)?;
    let stat = proc.stat(pid)?;
    let uid = proc.uids(pid).and_then(|(real, effective)| (real == effective).then_some(real));
    Some(Process { pid, start_time: stat.start_time, server, parent: stat.parent, uid })
}

/// Where `it` comes from. A user can run a server of his own: its processes are his, not root's; and
/// what sshd's monitor starts as somebody else is looked at with the monitor.
pub fn origin(proc: &ProcRoot, it: &Process) -> Origin {
    if it.server == Server::OpenSsh && it.uid != Some(0) {
        return Origin::Foreign;
    }
    match process(proc, it.parent).filter(|parent| parent.server == it.server) {
        None if it.uid == Some(0) => Origin::Orphan,
        None => Origin::Foreign,
        Some(parent) => {
            let is_top = process(proc, parent.parent).is_none_or(|above| above.server != it.server);
            let by_root = parent.uid == Some(0) && is_top;
            if by_root { Origin::Listener(parent) } else { Origin::Foreign }
        }
    }
}

/// The client of a process, by the socket that its listener accepted: one whose own port the
/// listener listens on. No socket that the process has connected itself has such a port, for the
/// kernel hands out none that is listened on.
pub fn client(
    proc: &ProcRoot,
    tables: &mut Tables,
    it: &Process,
    origin: &Origin,
) -> Option<(Fd, u64, SocketAddr)> {
    let table = tables.of(proc, it.pid);
    let ports: Vec<u16> = match origin {
        Origin::Listener(listener) => listens(&proc.fds(listener.pid), &table).collect(),
        Origin::Orphan => {
            let root = table.values().filter(|socket| socket.listens && socket.uid == 0);
            root.map(|socket| socket.local.port()).collect()
        }
        Origin::Foreign => return None,
    };
    let fds = proc.fds(it.pid);
    let mut own = tcp_of(&fds, &table).filter(|(_, _, socket)| !socket.listens);
    let leg = own.find(|(_, _, socket)| ports.contains(&socket.local.port()))?;
    Some((leg.0, leg.1, leg.2.remote))
}

/// The connected socket of a process that has one, and no other.
pub fn only_socket(
    proc: &ProcRoot,
    tables: &mut Tables,
    it: &Process,
) -> Option<(Fd, u64, SocketAddr)> {
    let table = tables.of(proc, it.pid);
    let fds = proc.fds(it.pid);
    let mut own = tcp_of(&fds, &table).filter(|(_, _, socket)| !socket.listens);
    let (fd, inode, socket) = own.next()?;
    own.all(|(_, other, _)| other == inode).then_some((fd, inode, socket.remote))
}

/// Ports that a process with `fds` listens on.
pub fn listens<'a>(fds: &'a [Fd], table: &'a TcpTable) -> impl Iterator<Item = u16> + 'a {
    tcp_of(fds, table).filter(|(_, _, it)| it.listens).map(|(_, _, it)| it.local.port())
}

/// How far `it` is.
pub fn stage(proc: &ProcRoot, it: &Process, origin: &Origin) -> Stage {
    match it.server {
        Server::OpenSsh => openssh(proc, it),
        Server::Dropbear => dropbear(proc, it, origin),
        Server::Xray => Stage::Before,
    }
}

/// sshd's monitor stays root and tells in its title whom it watches: `sshd: USER [priv]` from the
/// moment a client names a user on, so the login is proven by the child that became the user. Root
/// has no such child. From 10.x on the title is `sshd-session: USER [postauth]`.
fn openssh(proc: &ProcRoot, it: &Process) -> Stage {
    let Some(title) = proc.title(it.pid).filter(|_| it.uid == Some(0)) else {
        return Stage::Before;
    };
    let Some(text) = after_name(&title) else { return Stage::Before };
    let monitored = [" [priv]", " [postauth]"].iter().find_map(|end| text.strip_suffix(end));
    let Some(user) = monitored else {
        let user = text.split('@').next().unwrap_or_default();
        let root = user == "root" && is_user(text, user);
        return if root { Stage::User(user.to_owned(), Vec::new()) } else { Stage::Before };
    };
    if !is_name(user) {
        return Stage::Before;
    }
    let became = |pid: &u32| {
        let child = process(proc, *pid).filter(|child| child.server == Server::OpenSsh)?;
        let title = proc.title(*pid)?;
        let is_users = child.uid.is_some_and(|uid| uid != 0) && child.parent == it.pid;
        (is_users && is_user(after_name(&title)?, user)).then_some(child)
    };
    let children = proc.children(it.pid).unwrap_or_else(|| all_children(proc, it.pid));
    let sessions: Vec<_> = children.iter().filter_map(became).collect();
    if sessions.is_empty() { Stage::Before } else { Stage::User(user.to_owned(), sessions) }
}

/// `sshd: ` or `sshd-session: `.
fn after_name(title: &str) -> Option<&str> {
    title.strip_prefix("sshd: ").or_else(|| title.strip_prefix("sshd-session: "))
}

/// `USER`, or `USER@` and the terminals.
fn is_user(text: &str, user: &str) -> bool {
    let rest = text.strip_prefix(user);
    rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('@')) && !rest.contains(" ["))
}

fn all_children(proc: &ProcRoot, parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| proc.stat(*pid).is_some_and(|stat| stat.parent == parent);
    proc.pids().into_iter().filter(is_child).collect()
}

/// Dropbear's listener knows by a pipe from each process that nobody has logged in there yet; the
/// process closes its end at the login. From 2025.89 on it becomes the user then.
fn dropbear(proc: &ProcRoot, it: &Process, origin: &Origin) -> Stage {
    match it.uid {
        Some(0) => {}
        Some(uid) => return Stage::Uid(uid),
        // Between two uids: while it reads the user's keys.
        None => return Stage::Before,
    }
    let Origin::Listener(listener) = origin else { return Stage::Somebody };
    let listens: Vec<_> = proc.fds(listener.pid).into_iter().map(|fd| fd.kind).collect();
    let waits = |fd: &Fd| match fd.kind {
        FdKind::PipeIn(inode) => listens.contains(&FdKind::PipeOut(inode)),
        _ => false,
    };
    if proc.fds(it.pid).iter().any(waits) { Stage::Before } else { Stage::Somebody }
}
