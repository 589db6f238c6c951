//! The packet of the hook's context: its size on the wire and its socket.

#![allow(unsafe_code, reason = "one of the three places that own the crate's unsafe code")]

use aya_ebpf::{
    helpers::generated::{bpf_sk_fullsock, bpf_tcp_sock},
    programs::SkBuffContext,
};
use vpnmon_common::{
    interface::is_billed,
    wire::{BufferSize, PacketBytes, WireSize, wire_size},
};

use crate::sockets::Socket;

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

    /// Bytes from the IP header on.
    #[inline(always)]
    pub fn ip_len(self) -> u32 {
        // SAFETY: as in `wire_size`.
        unsafe { (*self.0.skb.skb).len }
    }

    /// Payload bytes of each segment of a super-packet; else 0.
    #[inline(always)]
    pub fn gso_size(self) -> u32 {
        // SAFETY: as in `wire_size`.
        unsafe { (*self.0.skb.skb).gso_size }
    }

    /// The interface that the packet goes over, in its socket's network namespace.
    #[inline(always)]
    pub fn ifindex(self) -> u32 {
        // SAFETY: as in `wire_size`.
        unsafe { (*self.0.skb.skb).ifindex }
    }

    /// Whether a tc program has billed the packet to a tunnel's client.
    #[inline(always)]
    pub fn is_billed(self) -> bool {
        // SAFETY: as in `wire_size`.
        is_billed(unsafe { (*self.0.skb.skb).tc_index })
    }

    /// Whether the packet goes over a loopback interface.
    #[inline(always)]
    pub fn is_loopback(self) -> bool {
        self.ifindex() == LOOPBACK_IFINDEX
    }

    /// The socket that sends or receives the packet.
    #[inline(always)]
    pub fn socket(self) -> Option<Socket> {
        // SAFETY: as in `wire_size`.
        let field = unsafe { (*self.0.skb.skb).__bindgen_anon_2 };
        // SAFETY: the union has this one use: a pointer to a sock_common, or NULL.
        let socket = unsafe { field.sk };
        if socket.is_null() { None } else { Some(Socket(socket.cast())) }
    }

    /// The uid of a full socket: of its creator, or of whoever accepted it. Mapped into the user
    /// namespace of the socket's network namespace: see [`crate::kernel::Structure::sock_uid`].
    #[inline(always)]
    pub fn uid(self) -> u32 {
        self.0.skb.get_socket_uid()
    }
}

/// Whether the socket is a full one. TIME_WAIT and request sockets have no uid.
#[inline(always)]
pub fn is_full(socket: Socket) -> bool {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    unsafe { !bpf_sk_fullsock(socket.0.cast()).is_null() }
}

/// The mark of a full socket (`SO_MARK`); 0 where it has none.
#[inline(always)]
pub fn mark(socket: Socket) -> u32 {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    let full = unsafe { bpf_sk_fullsock(socket.0.cast()) };
    if full.is_null() {
        return 0;
    }
    // SAFETY: a full socket; the verifier checks the field access.
    unsafe { (*full).mark }
}

/// States of the kernel's `tcp_states.h`.
const TCP_SYN_SENT: u32 = 2;
/// A socket that waits for others to connect.
pub const TCP_LISTEN: u32 = 10;

/// What kind of socket it is.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its protocol number.
    pub protocol: u32,
    /// The port of its only peer; 0 where it has none, or many.
    pub peer_port: u16,
    /// Whether it is a TCP socket whose connection is being opened from here.
    pub is_opening: bool,
}

/// The kind of a full socket.
#[inline(always)]
pub fn kind(socket: Socket) -> Option<Kind> {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    let full = unsafe { bpf_sk_fullsock(socket.0.cast()) };
    if full.is_null() {
        return None;
    }
    // SAFETY: a full socket; the verifier checks each field access.
    let protocol = unsafe { (*full).protocol };
    // SAFETY: as above.
    let field = unsafe { &raw const (*full).dst_port };
    #[expect(clippy::cast_ptr_alignment, reason = "the offset is a multiple of four")]
    let peer_port = field.cast::<u32>();
    // Whole words alone before 5.18, where the field was one (`bpf_sock_is_valid_access`); its lower
    // half is the port.
    // SAFETY: two bytes of padding follow the field, at an offset that four divides.
    let peer_port = unsafe { peer_port.read_volatile() };
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
    let peer_port = peer_port as u16;
    // SAFETY: as above.
    let is_opening = unsafe { (*full).state } == TCP_SYN_SENT;
    Some(Kind { protocol, peer_port: u16::from_be(peer_port), is_opening })
}

/// Whether it is a full TCP socket that waits for others to connect.
#[inline(always)]
pub fn is_listening(socket: Socket) -> bool {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    let full = unsafe { bpf_sk_fullsock(socket.0.cast()) };
    // SAFETY: a full socket; the verifier checks the field access.
    !full.is_null() && unsafe { (*full).state } == TCP_LISTEN
}

/// How far a TCP socket has come.
#[derive(Clone, Copy)]
pub struct TcpProgress {
    /// Whether it waits for others to connect.
    pub is_listening: bool,
    /// Payload bytes received, without the packet at the hook.
    pub bytes_received: u64,
    /// Bytes sent and acknowledged; a SYN counts as one.
    pub bytes_acked: u64,
    /// Sequence number of the first byte that is not acknowledged.
    pub first_unacked: u32,
    /// Sequence number of the next byte to receive.
    pub next_to_receive: u32,
}

/// `struct tcp_sock` as far as programs may see it (`bpf_tcp_sock`, kernel 5.1).
#[inline(always)]
pub fn tcp_progress(socket: Socket) -> Option<TcpProgress> {
    // SAFETY: `Socket` is never NULL, and the helper accepts every kind of socket.
    let full = unsafe { bpf_sk_fullsock(socket.0.cast()) };
    if full.is_null() {
        return None;
    }
    // SAFETY: a full socket.
    let is_listening = unsafe { (*full).state } == TCP_LISTEN;
    // SAFETY: a full socket; the helper answers NULL for one that is not TCP's.
    let tcp = unsafe { bpf_tcp_sock(full) };
    if tcp.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the verifier checks each field access.
    let bytes_received = unsafe { (*tcp).bytes_received };
    // SAFETY: as above.
    let bytes_acked = unsafe { (*tcp).bytes_acked };
    // SAFETY: as above.
    let next_to_receive = unsafe { (*tcp).rcv_nxt };
    // SAFETY: as above.
    let first_unacked = unsafe { (*tcp).snd_una };
    Some(TcpProgress { is_listening, bytes_received, bytes_acked, first_unacked, next_to_receive })
}

impl PacketBytes for Packet<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        // The linear area holds headers at most, so bytes are asked for, not pointed at.
        self.0.skb.load::<[u8; N]>(offset as usize).ok()
    }

    #[inline(always)]
    fn load_chunk(&self, offset: u32) -> Option<[u64; 4]> {
        // As words: the target copies bytes one at a time.
        self.0.skb.load::<[u64; 4]>(offset as usize).ok().map(|words| words.map(u64::from_le))
    }
}
