//! The packet of the hook's context: its size on the wire and its socket.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use aya_ebpf::{
    bindings::{BPF_TCP_NEW_SYN_RECV, BPF_TCP_TIME_WAIT},
    programs::SkBuffContext,
};
use vpnmon_common::wire::{BufferSize, PacketBytes, WireSize, wire_size};

/// The way of a packet, seen from the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The socket sends: the owner's uplink.
    Egress,
    /// The socket receives: the owner's downlink.
    Ingress,
}

/// The loopback interface has index 1 in every network namespace (`loopback_net_init`).
const LOOPBACK_IFINDEX: u32 = 1;

/// A packet at a cgroup_skb hook, where the context starts at the IP header.
#[derive(Clone, Copy)]
pub struct Packet<'a>(pub &'a SkBuffContext);

impl Packet<'_> {
    /// Bytes and packets on the wire.
    #[inline(always)]
    pub fn wire_size(self) -> WireSize {
        let skb = self.0.skb.skb;
        // SAFETY: the context outlives the program's run; the verifier checks each field access.
        let len = unsafe { (*skb).len };
        // SAFETY: as above.
        let gso_size = unsafe { (*skb).gso_size };
        // SAFETY: as above.
        let gso_segs = unsafe { (*skb).gso_segs };
        wire_size(BufferSize { len, gso_size, gso_segs }, &self)
    }

    /// Whether the packet goes over a loopback interface.
    #[inline(always)]
    pub fn is_loopback(self) -> bool {
        // SAFETY: as in `wire_size`.
        unsafe { (*self.0.skb.skb).ifindex == LOOPBACK_IFINDEX }
    }

    /// Whether a full socket sends or receives the packet. TIME_WAIT and request sockets are none
    /// and have no uid.
    #[inline(always)]
    pub fn has_full_socket(self) -> bool {
        // SAFETY: as in `wire_size`.
        let field = unsafe { (*self.0.skb.skb).__bindgen_anon_2 };
        // SAFETY: the union has this one use: a pointer to a sock_common, or NULL.
        let socket = unsafe { field.sk };
        if socket.is_null() {
            return false;
        }
        // SAFETY: not NULL, and every kind of socket has a state (`sock_common`, kernel 5.1).
        let state = unsafe { (*socket).state };
        // As `sk_fullsock` has it, without a call.
        state != BPF_TCP_TIME_WAIT && state != BPF_TCP_NEW_SYN_RECV
    }

    /// The uid of a full socket: of its creator, or of whoever accepted it. Mapped into the user
    /// namespace of the socket's network namespace (`bpf_get_socket_uid`).
    #[inline(always)]
    pub fn uid(self) -> u32 {
        self.0.skb.get_socket_uid()
    }
}

impl PacketBytes for Packet<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // The linear area holds headers at most, so bytes are asked for, not pointed at.
        self.0.skb.load::<[u8; N]>(offset as usize).ok()
    }
}
