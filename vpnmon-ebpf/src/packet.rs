//! The packet of the hook's context: its size on the wire and its socket.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use aya_ebpf::{
    helpers::{bpf_probe_read_kernel, generated::bpf_sk_fullsock},
    programs::SkBuffContext,
};
use vpnmon_common::wire::{BufferSize, PacketBytes, WireSize, wire_size};

use crate::maps::{self, Socket};

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

    /// The socket that sends or receives the packet.
    #[inline(always)]
    pub fn socket(self) -> Option<Socket> {
        // SAFETY: as in `wire_size`.
        let field = unsafe { (*self.0.skb.skb).__bindgen_anon_2 };
        // SAFETY: the union has this one use: a pointer to a sock_common, or NULL.
        let socket = unsafe { field.sk };
        if socket.is_null() { None } else { Some(Socket(socket)) }
    }

    /// The uid of a full socket: of its creator, or of whoever accepted it. Mapped into the user
    /// namespace of the socket's network namespace (`bpf_get_socket_uid`): see [`outside_uid`].
    #[inline(always)]
    pub fn uid(self) -> u32 {
        self.0.skb.get_socket_uid()
    }
}

/// The uid of a full socket as the machine knows it, outside of all user namespaces.
///
/// In a network namespace that a user has made together with a user namespace (`unshare -Urn`),
/// `bpf_get_socket_uid` answers with the uid inside (`from_kuid_munged(sock_net(sk)->user_ns, ..)`,
/// seen on 6.18), and that is the user's own choice: root, or any other account. So this reads
/// `sk_uid` itself. `None` where the agent does not know where that is.
#[inline(always)]
pub fn outside_uid(socket: Socket) -> Option<u32> {
    let offset = maps::socket_uid_offset();
    if offset == 0 {
        return None;
    }
    // The verifier forbids arithmetic on a socket's pointer; a copy of its bytes is a number to it.
    let pointer = socket.0 as u64;
    // SAFETY: a word of this program's own stack.
    let address = unsafe { bpf_probe_read_kernel(&raw const pointer) }.ok()?;
    let uid = address.wrapping_add(u64::from(offset)) as *const u32;
    // SAFETY: the helper answers with an error where nothing can be read; what is there is a u32
    // (`kuid_t`), by the kernel's own word on its layout.
    unsafe { bpf_probe_read_kernel(uid) }.ok()
}

/// Whether the socket is a full one. TIME_WAIT and request sockets have no uid.
#[inline(always)]
pub fn is_full(socket: Socket) -> bool {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    unsafe { !bpf_sk_fullsock(socket.0).is_null() }
}

impl PacketBytes for Packet<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // The linear area holds headers at most, so bytes are asked for, not pointed at.
        self.0.skb.load::<[u8; N]>(offset as usize).ok()
    }
}
