//! Destroying a user's sockets: what a killed process leaves behind would go on sending.

use std::collections::{HashMap, HashSet};

use super::netns::{self, NetNs};
use crate::{
    enforce::system::Reason,
    kernel::sock_diag::{Diag, Found, KINDS, Kind, Which},
    order::Process,
    sources::sessions::ProcRoot,
};

/// Sockets by namespace and cookie, whoever their uid says they are.
#[derive(Debug, Default)]
pub struct SocketIds(HashSet<(u64, u64)>);

impl SocketIds {
    /// Notes those of the uid, and those that processes of root's have open. Older kernels do
    /// not show whose a socket was whose process is gone.
    pub fn note(&mut self, uid: u32, holders: &[Process]) {
        for netns in netns::all() {
            let own = list(&netns).into_iter().filter(|socket| socket.uid == uid);
            self.0.extend(own.map(|socket| (netns.inode, socket.cookie())));
        }
        let proc = ProcRoot::default();
        let mut lists: HashMap<u64, HashMap<u32, u64>> = HashMap::new();
        for holder in holders {
            let Some(netns) = netns::of(holder.pid) else { continue };
            let inodes = proc.socket_inodes(holder.pid);
            // Another process by now: then its sockets are not meant.
            if proc.stat(holder.pid).is_none_or(|it| it.start_time != holder.start_time) {
                continue;
            }
            let inode = netns.inode;
            let cookies = lists.entry(inode).or_insert_with(|| cookies(&netns));
            let noted = inodes.iter().filter_map(|inode| cookies.get(&u32::try_from(*inode).ok()?));
            self.0.extend(noted.map(|cookie| (inode, *cookie)));
        }
    }
}

/// Cookies of a namespace's sockets, by inode.
fn cookies(netns: &NetNs) -> HashMap<u32, u64> {
    list(netns).into_iter().map(|socket| (socket.inode, socket.cookie())).collect()
}

/// All sockets of a namespace, as far as it can be asked.
fn list(netns: &NetNs) -> Vec<Found> {
    let Ok(diag) = Diag::open(&netns.file) else { return Vec::new() };
    KINDS.into_iter().flat_map(|kind| diag.list(kind, Which::OWNED).unwrap_or_default()).collect()
}

/// Destroys those of the uid and those noted, in all namespaces. How many are left.
pub fn destroy(uid: u32, noted: &SocketIds) -> Result<usize, Reason> {
    let mut left = 0;
    for netns in netns::all() {
        // A namespace that has ended meanwhile took its sockets along.
        let Ok(diag) = Diag::open(&netns.file) else { continue };
        let is_meant =
            |socket: &Found| socket.uid == uid || noted.0.contains(&(netns.inode, socket.cookie()));
        for kind in KINDS {
            left += destroy_kind(&diag, kind, &is_meant)?;
        }
    }
    Ok(left)
}

fn destroy_kind(
    diag: &Diag,
    kind: Kind,
    is_meant: &impl Fn(&Found) -> bool,
) -> Result<usize, Reason> {
    let list = || {
        let found = diag.list(kind, Which::OWNED);
        found.map_err(|error| format!("cannot list sockets: {error}"))
    };
    let meant: Vec<_> = list()?.into_iter().filter(is_meant).collect();
    if meant.is_empty() {
        return Ok(0);
    }
    let mut refused = None;
    for socket in &meant {
        refused = diag.destroy(kind, socket).err().or(refused);
    }
    let left = list()?.iter().filter(|socket| is_meant(socket)).count();
    match refused {
        Some(error) if left > 0 => Err(format!("{left} sockets: {error}")),
        _ => Ok(left),
    }
}
