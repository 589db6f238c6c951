//! Where the running kernel's structures keep what the programs read in them.

use std::{fs, os::unix::fs::MetadataExt as _};

use anyhow::{Context as _, Result};
use aya::EbpfLoader;
use vpnmon_common::names::{HOST_NETNS, offset};

use super::btf::Btf;

/// What the programs are told of the kernel; all zero where it cannot be known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offsets {
    sock_uid: u32,
    sock_socket: u32,
    socket_uid: u32,
    socket_inode: u32,
    sock_net: u32,
    net_inode: u32,
    task_leader: u32,
    task_parent: u32,
    task_tgid: u32,
    task_start: u32,
    host_netns: u32,
}

impl Offsets {
    /// By the kernel's own word; all of them or an error.
    pub fn read() -> Result<Self> {
        let btf = Btf::read()?;
        let of = |structure, field| btf.offset_of(structure, field);
        Ok(Self {
            sock_uid: of("sock", "sk_uid")?,
            sock_socket: of("sock", "sk_socket")?,
            socket_uid: beside_socket(&btf, "i_uid").unwrap_or_default(),
            socket_inode: beside_socket(&btf, "i_ino").unwrap_or_default(),
            sock_net: of("sock_common", "skc_net")?,
            net_inode: of("net", "ns")? + of("ns_common", "inum")?,
            task_leader: of("task_struct", "group_leader")?,
            task_parent: of("task_struct", "real_parent")?,
            task_tgid: of("task_struct", "tgid")?,
            task_start: of("task_struct", "start_boottime")?,
            host_netns: own_netns()?,
        })
    }

    /// Tells the programs that `loader` loads.
    pub fn tell<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        for (name, value) in [
            (offset::SOCK_UID, &self.sock_uid),
            (offset::SOCK_SOCKET, &self.sock_socket),
            (offset::SOCKET_UID, &self.socket_uid),
            (offset::SOCKET_INODE, &self.socket_inode),
            (offset::SOCK_NET, &self.sock_net),
            (offset::NET_INODE, &self.net_inode),
            (offset::TASK_LEADER, &self.task_leader),
            (offset::TASK_PARENT, &self.task_parent),
            (offset::TASK_TGID, &self.task_tgid),
            (offset::TASK_START, &self.task_start),
            (HOST_NETNS, &self.host_netns),
        ] {
            loader.override_global(name, value, true);
        }
    }
}

/// From a `struct socket`, which is the first in its `socket_alloc`, to a field of the inode beside it.
/// Where that is not told, MPTCP is counted by what its sockets of TCP say.
fn beside_socket(btf: &Btf, field: &str) -> Result<u32> {
    Ok(btf.offset_of("socket_alloc", "vfs_inode")? + btf.offset_of("inode", field)?)
}

/// The network namespace whose interfaces the agent sees.
fn own_netns() -> Result<u32> {
    const FILE: &str = "/proc/self/ns/net";
    let inode = fs::metadata(FILE).with_context(|| format!("cannot look at {FILE}"))?.ino();
    u32::try_from(inode).with_context(|| format!("{FILE} has inode {inode}, which is too high"))
}
