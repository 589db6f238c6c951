//! How many bytes and packets a socket buffer becomes on the wire.
//!
//! At egress the kernel hands over super-packets that are cut into segments later, each with its
//! own copy of the headers; at ingress GRO has already merged them. Both cases are undone here.
//! IP fragments are not: the hook sees the packet before it is fragmented.

pub mod dns;
pub mod hosts;
pub mod quic;
pub mod transport;

/// Reads packet bytes. Implemented over `bpf_skb_load_bytes` in the kernel and over slices in
/// tests.
pub trait PacketBytes {
    /// `N` bytes at `offset` from the start of the IP header, `None` past the end.
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]>;

    /// 32 bytes at `offset`, eight a word, the first in the lowest bits.
    #[inline(always)]
    fn load_chunk(&self, offset: u32) -> Option<[u64; 4]> {
        let bytes = self.load::<32>(offset)?;
        let (words, _) = bytes.as_chunks::<8>();
        let [a, b, c, d] = *words else { return None };
        Some([a, b, c, d].map(u64::from_le_bytes))
    }
}

/// The size of one socket buffer, in `__sk_buff`'s words.
#[derive(Clone, Copy, Debug)]
pub struct BufferSize {
    /// Bytes from the start of the IP header to the end of the payload.
    pub len: u32,
    /// Payload bytes of each segment; 0 when the buffer is a single packet.
    pub gso_size: u32,
    /// Number of segments; 0 where the kernel left it to be computed (buffers from tun and virtio).
    pub gso_segs: u32,
}

/// What a buffer weighs on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireSize {
    /// IP header + transport header + payload, summed over the segments.
    pub bytes: u64,
    /// Number of segments, at least 1.
    pub packets: u64,
}

/// The bytes and packets `buffer` has on the wire.
///
/// A super-packet whose headers cannot be read counts as one packet of its length: too few by the
/// headers of its other segments, and never seen with packets the kernel built itself.
#[inline(always)]
pub fn wire_size(buffer: BufferSize, packet: &impl PacketBytes) -> WireSize {
    if buffer.gso_size == 0 {
        return WireSize { bytes: u64::from(buffer.len), packets: 1 };
    }
    super_packet_size(buffer, packet)
}

/// Bytes of a single packet, by its own header: a frame may be longer, padded to what the link asks
/// for. `None` where there is no such header, or it leaves the length to an option.
#[inline(always)]
pub fn packet_len(packet: &impl PacketBytes) -> Option<u32> {
    let start = packet.load::<6>(0)?;
    match start[0] >> 4 {
        4 => Some(u32::from(u16::from_be_bytes([start[2], start[3]]))),
        6 => match u16::from_be_bytes([start[4], start[5]]) {
            0 => None,
            payload => Some(IPV6_HEADER_LEN + u32::from(payload)),
        },
        _ => None,
    }
}

#[inline(always)]
fn super_packet_size(buffer: BufferSize, packet: &impl PacketBytes) -> WireSize {
    let Some(headers) = headers(packet) else {
        return WireSize { bytes: u64::from(buffer.len), packets: 1 };
    };
    let len = u64::from(buffer.len) - u64::from(headers.dropped.min(buffer.len));
    let segments = if buffer.gso_segs != 0 {
        u64::from(buffer.gso_segs)
    } else {
        let payload = len.saturating_sub(u64::from(headers.repeated));
        payload.div_ceil(u64::from(buffer.gso_size)).max(1)
    };
    WireSize { bytes: len + (segments - 1) * u64::from(headers.repeated), packets: segments }
}

/// Header bytes of a super-packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Headers {
    /// Bytes that every segment carries: IP header, extension headers, transport header.
    repeated: u32,
    /// Bytes that no segment carries: the jumbo option of a BIG TCP buffer.
    dropped: u32,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

#[inline(always)]
fn headers(packet: &impl PacketBytes) -> Option<Headers> {
    // The first ten bytes hold version, header length and the protocol of either family.
    let start = packet.load::<10>(0)?;
    match start[0] >> 4 {
        4 => {
            let ip_len = u32::from(start[0] & 0x0f) * 4;
            let transport = transport_header_len(start[9], ip_len, packet)?;
            Some(Headers { repeated: ip_len + transport, dropped: 0 })
        }
        6 => ipv6_headers(start, packet),
        _ => None,
    }
}

const IPV6_HEADER_LEN: u32 = 40;
/// RFC 8200 section 4.1 names seven extension headers; more is nothing the kernel would build.
const MAX_EXTENSION_HEADERS: usize = 8;

#[inline(always)]
fn ipv6_headers(start: [u8; 10], packet: &impl PacketBytes) -> Option<Headers> {
    let jumbo = u16::from_be_bytes([start[4], start[5]]) == 0;
    let mut next = start[6];
    let mut offset = IPV6_HEADER_LEN;
    let mut dropped = 0;
    for _ in 0..MAX_EXTENSION_HEADERS {
        let [after, units] = match next {
            // Hop-by-hop, routing, destination options: RFC 8200 sections 4.3, 4.4, 4.6.
            0 | 43 | 60 => packet.load::<2>(offset)?,
            _ => break,
        };
        let len = (u32::from(units) + 1) * 8;
        if next == 0 && jumbo {
            // A buffer beyond 64 KiB carries a hop-by-hop jumbo option that segmentation takes out
            // again (BIG TCP, kernel 5.19: `ipv6_hopopt_jumbo_remove`).
            dropped = len;
        }
        offset += len;
        next = after;
    }
    let transport = transport_header_len(next, offset, packet)?;
    Some(Headers { repeated: offset - dropped + transport, dropped })
}

#[inline(always)]
fn transport_header_len(protocol: u8, offset: u32, packet: &impl PacketBytes) -> Option<u32> {
    match protocol {
        // Data offset: the upper half of byte 12, in words (RFC 9293 section 3.1).
        TCP => packet.load::<1>(offset + 12).map(|[byte]| u32::from(byte >> 4) * 4),
        UDP => Some(8),
        // The common header; each segment has its own chunk headers in the buffer already.
        SCTP => Some(12),
        _ => None,
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
