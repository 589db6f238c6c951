//! Sockets that carry sessions and are no user's: what the servers listen on, and what their
//! clients are connected to.

use std::collections::HashSet;

use super::{
    process::{Origin, client, origin, process},
    procfs::ProcRoot,
    sockets::{Tables, tcp_of},
    walk::is_listener,
};

/// One socket of transport; a socket that several processes hold is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportSocket {
    /// A process that has it open.
    pub pid: u32,
    /// Its number there.
    pub fd: u32,
    /// Its inode.
    pub inode: u64,
}

/// All transport sockets of sshd and dropbear. Walks all of `/proc`: some ten microseconds a
/// process.
pub fn transport_sockets(proc: &ProcRoot) -> Vec<TransportSocket> {
    let mut tables = Tables::default();
    let mut seen = HashSet::new();
    let mut sockets = Vec::new();
    let mut push = |pid, fd, inode| {
        if seen.insert(inode) {
            sockets.push(TransportSocket { pid, fd, inode });
        }
    };
    for pid in proc.pids() {
        let Some(it) = process(proc, pid) else { continue };
        let from = origin(proc, &it);
        if from == Origin::Orphan && is_listener(proc, &mut tables, &it) {
            let (fds, table) = (proc.fds(pid), tables.of(proc, pid));
            for (fd, inode, socket) in tcp_of(&fds, &table) {
                if socket.listens {
                    push(pid, fd.number, inode);
                }
            }
        } else if let Some((fd, inode, _)) = client(proc, &mut tables, &it, &from) {
            push(pid, fd.number, inode);
        }
    }
    sockets
}
