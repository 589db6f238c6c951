//! The sockets that a process has open already.

use vpnmon_common::{
    owner::{MPTCP_LISTENERS, SocketOwner},
    slot::TRANSPORT_SLOT,
};

use super::Tagging;
use crate::kernel::process::{OpenSocket, is_elsewhere, open_sockets};

impl Tagging {
    /// Tags the sockets that a process has open as `owner` says; transport stays transport.
    pub(super) fn tag_sockets(
        &mut self,
        pid: u32,
        start_ticks: u64,
        owner: impl Fn(&OpenSocket) -> SocketOwner,
    ) {
        let is_inside = is_elsewhere(pid);
        let mut over_mptcp = Vec::new();
        for socket in self.sockets(pid, start_ticks) {
            let transport = self.tags.tag(&socket).filter(|tag| tag.slot == TRANSPORT_SLOT);
            let owner = transport.unwrap_or_else(|| SocketOwner { is_inside, ..owner(&socket) });
            if transport.is_none() {
                self.set_tag(&socket, owner);
            }
            // An earlier agent may have come no further than this one's tag.
            over_mptcp.extend(socket.mptcp_inode().map(|inode| (owner, inode)));
        }
        self.tag_behind(pid, &over_mptcp);
    }

    /// Tags what listens behind these sockets of a process, by their inode numbers.
    fn tag_behind(&mut self, pid: u32, over_mptcp: &[(SocketOwner, u64)]) {
        for sockets in over_mptcp.chunks(MPTCP_LISTENERS as usize) {
            if let Err(error) = self.tags.pass_on(sockets) {
                log::debug!("what process {pid} accepts over MPTCP is its uid's: {error:#}");
            }
        }
    }

    /// Tags those that still are what they were while nobody knew.
    pub(super) fn tag_left(&mut self, pid: u32, start_ticks: u64, from: u32, slot: u32) {
        for socket in self.sockets(pid, start_ticks) {
            if let Some(tag) = self.tags.tag(&socket).filter(|tag| tag.slot == from) {
                self.set_tag(&socket, SocketOwner { slot, ..tag });
            }
        }
    }

    fn sockets(&self, pid: u32, start_ticks: u64) -> Vec<OpenSocket> {
        // What is gone has no sockets.
        open_sockets(pid, || self.lives(pid, start_ticks)).unwrap_or_default()
    }

    fn set_tag(&mut self, socket: &OpenSocket, owner: SocketOwner) {
        if let Err(error) = self.tags.set_tag(socket, owner) {
            log::debug!("{error:#}");
        }
    }
}
