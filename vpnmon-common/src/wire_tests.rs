extern crate std;

use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

pub(crate) struct Slice<'a>(pub(crate) &'a [u8]);

impl PacketBytes for Slice<'_> {
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}

/// Header bytes of a packet with `options` words of IPv4 options or 8-byte extension headers.
fn header(ipv6: bool, options: u8, protocol: u8, tcp_options: u8) -> Vec<u8> {
    let mut packet = if ipv6 {
        let mut ip = vec![0u8; 40];
        ip[0] = 0x60;
        // Not a jumbo buffer.
        ip[5] = 1;
        ip[6] = if options == 0 { protocol } else { 60 };
        for left in (0..options).rev() {
            let next = if left == 0 { protocol } else { 60 };
            ip.extend([next, 0, 0, 0, 0, 0, 0, 0]);
        }
        ip
    } else {
        let mut ip = vec![0u8; 20 + usize::from(options) * 4];
        ip[0] = 0x40 | (5 + options);
        ip[9] = protocol;
        ip
    };
    let transport_len = if protocol == TCP { 20 + usize::from(tcp_options) * 4 } else { 8 };
    let at = packet.len();
    packet.resize(at + transport_len, 0);
    if protocol == TCP {
        packet[at + 12] = u8::try_from(transport_len / 4).unwrap() << 4;
    }
    packet
}

/// Cuts a super-packet as `skb_segment` would and adds the segments up.
fn segmented(header_len: u64, payload: u64, mss: u64) -> WireSize {
    let mut left = payload;
    let mut size = WireSize { bytes: 0, packets: 0 };
    while left > 0 {
        let take = left.min(mss);
        size.bytes += header_len + take;
        size.packets += 1;
        left -= take;
    }
    size
}

fn buffer(len: usize, gso_size: u32, gso_segs: u32) -> BufferSize {
    BufferSize { len: u32::try_from(len).unwrap(), gso_size, gso_segs }
}

proptest! {
    #[test]
    fn a_super_packet_weighs_what_its_segments_weigh(
        ipv6: bool, options in 0u8..6, tcp: bool, tcp_options in 0u8..11,
        payload in 1usize..200_000, mss in 1u32..9000, counted: bool,
    ) {
        let protocol = if tcp { TCP } else { UDP };
        let header = header(ipv6, options, protocol, tcp_options);
        let expected = segmented(header.len() as u64, payload as u64, u64::from(mss));
        let segs = if counted { u32::try_from(expected.packets).unwrap() } else { 0 };
        let got = wire_size(buffer(header.len() + payload, mss, segs), &Slice(&header));
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn no_bytes_make_it_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        len: u32, gso_size: u32, gso_segs in 0u32..65536,
    ) {
        let size = wire_size(BufferSize { len, gso_size, gso_segs }, &Slice(&bytes));
        prop_assert!(size.packets >= 1);
    }
}

#[test]
fn a_single_packet_is_not_looked_into() {
    let size = wire_size(buffer(1500, 0, 1), &Slice(&[]));
    assert_eq!(size, WireSize { bytes: 1500, packets: 1 });
}

#[test]
fn the_jumbo_option_of_big_tcp_never_leaves() {
    let mut packet = header(true, 0, TCP, 3);
    packet[5] = 0;
    packet[6] = 0;
    packet.splice(40..40, [TCP, 0, 0xc2, 4, 0, 2, 0, 0]);
    let payload: usize = 100_000;
    let got = wire_size(buffer(packet.len() + payload, 1440, 70), &Slice(&packet));
    assert_eq!(got, segmented(40 + 32, payload as u64, 1440));
}

#[test]
fn unreadable_headers_count_as_one_packet() {
    for start in [&[][..], &[0x45; 5], &[0u8; 60], &[0x45; 10]] {
        let size = wire_size(buffer(3000, 1448, 3), &Slice(start));
        assert_eq!(size, WireSize { bytes: 3000, packets: 1 });
    }
}
