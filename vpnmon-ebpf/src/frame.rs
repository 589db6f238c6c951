//! The packet of a tc hook's context: where its IP header is, what it weighs, whose way it goes.

#![allow(unsafe_code, reason = "one of the places that own the crate's unsafe code")]

use aya_ebpf::programs::TcContext;
use vpnmon_common::{
    interface::{Address, BILLED, is_billed, mapped},
    wire::{BufferSize, PacketBytes, packet_len, wire_size},
};

use crate::packet::Direction;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const PROVIDER_VLAN: u16 = 0x88a8;
const VLAN_TAG_LEN: u32 = 4;
/// One of the provider's and one of the customer's.
const MAX_VLAN_TAGS: usize = 2;
const UDP: u8 = 17;
const IPV4_PROTOCOL: u32 = 9;
const IPV4_SOURCE: u32 = 12;
const IPV4_DESTINATION: u32 = 16;
const IPV6_NEXT_HEADER: u32 = 6;
const IPV6_HEADER_LEN: u32 = 40;
const IPV6_SOURCE: u32 = 8;
const IPV6_DESTINATION: u32 = 24;

/// An IP packet at a tc hook.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    ctx: &'a TcContext,
    /// Bytes before the IP header.
    header_at: u32,
    is_v6: bool,
}

/// Index of the interface of the hook.
#[inline(always)]
pub fn ifindex(ctx: &TcContext) -> u32 {
    // SAFETY: the context outlives the program's run; the verifier checks each field access.
    unsafe { (*ctx.skb.skb).ifindex }
}

impl<'a> Frame<'a> {
    /// The IP packet behind `link_header` bytes and VLAN tags; `None` for ARP and others.
    #[inline(always)]
    pub fn of(ctx: &'a TcContext, link_header: u32) -> Option<Self> {
        // SAFETY: as in `ifindex`.
        let protocol = unsafe { (*ctx.skb.skb).protocol };
        #[expect(clippy::cast_possible_truncation, reason = "a big-endian u16 in a u32")]
        let mut protocol = u16::from_be(protocol as u16);
        let mut header_at = link_header;
        for _ in 0..MAX_VLAN_TAGS {
            // Mostly the tag is beside the packet; a device that cannot do that has it inside.
            if protocol != VLAN && protocol != PROVIDER_VLAN {
                break;
            }
            let [_, _, high, low] = ctx.load::<[u8; 4]>(header_at as usize).ok()?;
            protocol = u16::from_be_bytes([high, low]);
            header_at += VLAN_TAG_LEN;
        }
        match protocol {
            IPV4 => Some(Self { ctx, header_at, is_v6: false }),
            IPV6 => Some(Self { ctx, header_at, is_v6: true }),
            _ => None,
        }
    }

    /// IP bytes on the wire.
    #[inline(always)]
    pub fn wire_bytes(self) -> u64 {
        let skb = self.ctx.skb.skb;
        // SAFETY: as in `ifindex`.
        let len = unsafe { (*skb).len }.saturating_sub(self.header_at);
        // SAFETY: as in `ifindex`.
        let gso_size = unsafe { (*skb).gso_size };
        // SAFETY: as in `ifindex`.
        let gso_segs = unsafe { (*skb).gso_segs };
        if gso_size == 0 {
            // Short frames come padded off an Ethernet; IP cuts that off only later.
            return u64::from(packet_len(&self).map_or(len, |packet| packet.min(len)));
        }
        wire_size(BufferSize { len, gso_size, gso_segs }, &self).bytes
    }

    /// Bytes of the IP packet, or of the buffer where it is a super-packet.
    #[inline(always)]
    pub fn ip_len(self) -> u32 {
        // SAFETY: as in `ifindex`.
        let len = unsafe { (*self.ctx.skb.skb).len }.saturating_sub(self.header_at);
        if self.gso_size() != 0 {
            return len;
        }
        packet_len(&self).map_or(len, |packet| packet.min(len))
    }

    /// Payload bytes of each segment of a super-packet; else 0.
    #[inline(always)]
    pub fn gso_size(self) -> u32 {
        // SAFETY: as in `ifindex`.
        unsafe { (*self.ctx.skb.skb).gso_size }
    }

    /// Offset of the IP header.
    #[inline(always)]
    pub const fn header_at(self) -> u32 {
        self.header_at
    }

    /// The interface that a packet of another machine came over; `None` for this machine's own.
    #[inline(always)]
    pub fn forwarded_from(self) -> Option<u32> {
        // SAFETY: as in `ifindex`.
        let field = unsafe { (*self.ctx.skb.skb).__bindgen_anon_2 };
        // SAFETY: the union has this one use: a pointer to a sock_common, or NULL.
        let has_socket = unsafe { !field.sk.is_null() };
        // SAFETY: as in `ifindex`.
        let from = unsafe { (*self.ctx.skb.skb).ingress_ifindex };
        // `ip_forward` and `ip6_forward` drop what still has a socket.
        (!has_socket && from != 0).then_some(from)
    }

    /// Tells later hooks that a tunnel's client has paid for it.
    #[inline(always)]
    pub fn set_billed(self) {
        // SAFETY: as in `ifindex`; tc programs may write this field.
        unsafe { (*self.ctx.skb.skb).tc_index = u32::from(BILLED) }
    }

    /// Whether an earlier hook has said so.
    #[inline(always)]
    pub fn is_billed(self) -> bool {
        // SAFETY: as in `ifindex`.
        is_billed(unsafe { (*self.ctx.skb.skb).tc_index })
    }

    /// The UDP port it comes from (`Egress`) or goes to (`Ingress`).
    #[inline(always)]
    pub fn udp_port(self, direction: Direction) -> Option<u16> {
        // Fragments after the first would be misread; no tunnel makes them.
        let (protocol, header_len) = if self.is_v6 {
            (self.load::<1>(IPV6_NEXT_HEADER)?[0], IPV6_HEADER_LEN)
        } else {
            let [version, ..] = self.load::<1>(0)?;
            (self.load::<1>(IPV4_PROTOCOL)?[0], u32::from(version & 0x0f) * 4)
        };
        if protocol != UDP {
            return None;
        }
        let at = if direction == Direction::Egress { 0 } else { 2 };
        self.load::<2>(header_len + at).map(u16::from_be_bytes)
    }

    /// Where it comes from.
    #[inline(always)]
    pub fn source(self) -> Option<Address> {
        self.address(IPV4_SOURCE, IPV6_SOURCE)
    }

    /// Where it goes.
    #[inline(always)]
    pub fn destination(self) -> Option<Address> {
        self.address(IPV4_DESTINATION, IPV6_DESTINATION)
    }

    #[inline(always)]
    fn address(self, v4_at: u32, v6_at: u32) -> Option<Address> {
        let at = |offset: u32| (self.header_at + offset) as usize;
        if self.is_v6 {
            self.ctx.load::<Address>(at(v6_at)).ok()
        } else {
            self.ctx.load::<u32>(at(v4_at)).ok().map(mapped)
        }
    }
}

impl PacketBytes for Frame<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        self.ctx.load::<[u8; N]>((self.header_at + offset) as usize).ok()
    }

    #[inline(always)]
    fn load_chunk(&self, offset: u32) -> Option<[u64; 4]> {
        // As words: the target copies bytes one at a time.
        let chunk = self.ctx.load::<[u64; 4]>((self.header_at + offset) as usize).ok()?;
        Some(chunk.map(u64::from_le))
    }
}
