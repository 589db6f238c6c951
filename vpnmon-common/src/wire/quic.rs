//! The header of a QUIC Initial packet (RFC 9000 section 17.2.2, RFC 9369 section 3.1): what the
//! kernel ships by, and what the agent reads on from.

use super::PacketBytes;

/// RFC 9000.
pub const VERSION_1: u32 = 1;
/// RFC 9369.
pub const VERSION_2: u32 = 0x6b33_43cf;

/// A client pads each datagram with an Initial to this (RFC 9000 section 14.1).
pub const MIN_DATAGRAM: u32 = 1200;
/// Longest connection id of these versions (RFC 9000 section 17.2).
pub const MAX_CID: u8 = 20;
/// Shortest one that a client may make up for a server (RFC 9000 section 7.2). A server's Initials
/// go to an id of the client's own, which is shorter with most clients.
const MIN_FIRST_DCID: u8 = 8;

const LONG_HEADER: u8 = 0x80;
const FIXED_BIT: u8 = 0x40;
/// Offset of the destination's connection id.
const DCID: u32 = 6;
/// Least length of what is protected: the longest packet number, and a sample behind it (RFC 9001
/// section 5.4.2).
const MIN_PROTECTED: u64 = 4 + 16;

/// Where the parts of an Initial packet are, as offsets of [`PacketBytes::load`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initial {
    /// [`VERSION_1`] or [`VERSION_2`].
    pub version: u32,
    /// The destination's connection id.
    pub dcid_at: u32,
    /// Its length, at most [`MAX_CID`].
    pub dcid_len: u8,
    /// The packet number, still protected.
    pub number_at: u32,
    /// The end of this packet; others may follow in the datagram.
    pub end: u32,
}

/// Whether a datagram of `len` bytes at `at` may hold a piece of a ClientHello.
#[inline(always)]
pub fn is_client_initial(packet: &impl PacketBytes, at: u32, len: u32) -> bool {
    // Lengths first: most datagrams are told by them and one byte.
    len >= MIN_DATAGRAM
        && initial(packet, at, at.saturating_add(len))
            .is_some_and(|initial| initial.dcid_len >= MIN_FIRST_DCID)
}

/// The Initial packet at `at` of a datagram that ends at `end`; `None` for all other packets, of
/// other versions too, and for lengths that lie.
#[inline(always)]
pub fn initial(packet: &impl PacketBytes, at: u32, end: u32) -> Option<Initial> {
    let [first, v0, v1, v2, v3, dcid_len] = packet.load::<6>(at)?;
    let version = u32::from_be_bytes([v0, v1, v2, v3]);
    if !is_initial(first, version) || dcid_len > MAX_CID {
        return None;
    }
    let dcid_at = at + DCID;
    let scid_at = dcid_at + u32::from(dcid_len);
    let [scid_len] = packet.load::<1>(scid_at)?;
    if scid_len > MAX_CID {
        return None;
    }
    let (token, token_at) = varint(packet, scid_at + 1 + u32::from(scid_len))?;
    let (len, number_at) = varint(packet, past(token_at, token, end)?)?;
    let end = past(number_at, len, end)?;
    (len >= MIN_PROTECTED).then_some(Initial { version, dcid_at, dcid_len, number_at, end })
}

/// The type has two bits, and another value in each version.
#[inline(always)]
const fn is_initial(first: u8, version: u32) -> bool {
    let kind = match version {
        VERSION_1 => 0,
        VERSION_2 => 1,
        _ => return false,
    };
    first & 0xf0 == LONG_HEADER | FIXED_BIT | (kind << 4)
}

/// `at + len`, if that is not past `end`.
#[inline(always)]
fn past(at: u32, len: u64, end: u32) -> Option<u32> {
    let left = end.checked_sub(at)?;
    let len = u32::try_from(len).ok().filter(|len| *len <= left)?;
    Some(at + len)
}

/// A variable-length integer (RFC 9000 section 16) and where it ends. There are always eight bytes
/// to load: [`MIN_PROTECTED`] bytes follow each.
#[inline(always)]
fn varint(packet: &impl PacketBytes, at: u32) -> Option<(u64, u32)> {
    let bytes = packet.load::<8>(at)?;
    let len = 1 << (bytes[0] >> 6);
    let value = (u64::from_be_bytes(bytes) << 2 >> 2) >> (64 - 8 * len);
    Some((value, at + len))
}

/// The datagram number `index` of a buffer that holds several (UDP GSO and GRO): where it begins,
/// and its length. All but the last are `gso_size` bytes long; 0 means that there is one.
#[inline(always)]
pub fn datagram(
    payload_at: u32,
    payload_len: u32,
    gso_size: u32,
    index: u32,
) -> Option<(u32, u32)> {
    let size = if gso_size == 0 { payload_len } else { gso_size };
    let skipped = size.checked_mul(index)?;
    let left = payload_len.checked_sub(skipped).filter(|left| *left != 0)?;
    Some((payload_at.checked_add(skipped)?, if left < size { left } else { size }))
}

#[cfg(test)]
#[path = "quic_tests.rs"]
mod tests;
