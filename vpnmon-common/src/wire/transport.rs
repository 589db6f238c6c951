//! Where the transport header of an IP packet is.

use super::PacketBytes;

const IPV4_HEADER: u32 = 20;
const IPV6_HEADER: u32 = 40;
/// RFC 791 section 3.1.
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
/// More is nothing that a host would send (RFC 8200 section 4.1).
const MAX_EXTENSION_HEADERS: usize = 6;

/// The transport header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Its protocol number.
    pub protocol: u8,
    /// Offset of its first byte.
    pub at: u32,
    /// Whether the packet is IPv6.
    pub is_v6: bool,
    /// Whether the packet is the first of some fragments, so that not all of it is here.
    pub is_cut: bool,
}

/// Finds it; `None` in fragments but the first, and where it is hidden.
#[inline(always)]
pub fn transport(packet: &impl PacketBytes) -> Option<Transport> {
    // Version, length, fragment and the protocol of either family.
    let start = packet.load::<10>(0)?;
    match start[0] >> 4 {
        4 => {
            let fragment = u16::from_be_bytes([start[6], start[7]]);
            let at = u32::from(start[0] & 0x0f) * 4;
            let (offset, is_cut) = (fragment & OFFSET, fragment & MORE_FRAGMENTS != 0);
            let is_first = offset == 0 && at >= IPV4_HEADER;
            is_first.then_some(Transport { protocol: start[9], at, is_v6: false, is_cut })
        }
        6 => behind_extensions(start[6], packet),
        _ => None,
    }
}

#[inline(always)]
fn behind_extensions(mut protocol: u8, packet: &impl PacketBytes) -> Option<Transport> {
    let (mut at, mut is_cut) = (IPV6_HEADER, false);
    for _ in 0..MAX_EXTENSION_HEADERS {
        match protocol {
            // Hop-by-hop, routing, destination options: RFC 8200 sections 4.3, 4.4, 4.6.
            0 | 43 | 60 => {
                let [next, units] = packet.load::<2>(at)?;
                protocol = next;
                at += (u32::from(units) + 1) * 8;
            }
            // Fragment: section 4.5.
            44 => {
                let [next, _, high, low] = packet.load::<4>(at)?;
                if u16::from_be_bytes([high, low]) & 0xfff8 != 0 {
                    return None;
                }
                is_cut = low & 1 != 0;
                protocol = next;
                at += 8;
            }
            _ => return Some(Transport { protocol, at, is_v6: true, is_cut }),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::Slice;

    fn v4(first: u8, fragment: u16) -> [u8; 24] {
        let mut packet = [0; 24];
        packet[0] = first;
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = 6;
        packet
    }

    #[test]
    fn ipv4_options_and_fragments() {
        let of =
            |packet: [u8; 24]| transport(&Slice(&packet)).map(|it| (it.protocol, it.at, it.is_cut));
        assert_eq!(of(v4(0x45, 0x4000)), Some((6, 20, false)));
        assert_eq!(of(v4(0x46, 0x2000)), Some((6, 24, true)));
        assert_eq!(of(v4(0x45, 0x2001)), None);
        assert_eq!(of(v4(0x44, 0)), None);
        assert_eq!(of(v4(0x55, 0)), None);
        assert_eq!(transport(&Slice(&[0x45; 9])), None);
    }

    #[test]
    fn ipv6_extension_headers() {
        // Hop-by-hop of 16 bytes, then a fragment, then UDP.
        let mut packet = [0; 72];
        packet[0] = 0x60;
        packet[40..42].copy_from_slice(&[44, 1]);
        packet[56] = 17;
        let mut of = |more| {
            packet[59] = more;
            transport(&Slice(&packet)).map(|it| (it.protocol, it.at, it.is_v6, it.is_cut))
        };
        assert_eq!([of(0), of(1)], [false, true].map(|is_cut| Some((17, 64, true, is_cut))));
        packet[59] = 8;
        assert_eq!(transport(&Slice(&packet)), None, "a later fragment");
        // Extension headers without an end.
        let mut cut = [0; 40];
        cut[0] = 0x60;
        assert_eq!(transport(&Slice(&cut)), None);
        let mut endless = [0; 256];
        endless[0] = 0x60;
        assert_eq!(transport(&Slice(&endless)), None);
    }
}
