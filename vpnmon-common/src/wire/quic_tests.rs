extern crate std;

use std::{vec, vec::Vec};

use super::*;
use crate::wire::tests::Slice;

/// An Initial of 1200 bytes, its lengths as given.
fn packet(first: u8, version: u32, dcid: u8, scid: u8, token: &[u8], len: &[u8]) -> Vec<u8> {
    let mut packet = vec![0xee; 28];
    packet.push(first);
    packet.extend(version.to_be_bytes());
    packet.push(dcid);
    packet.extend(vec![0xdd; usize::from(dcid)]);
    packet.push(scid);
    packet.extend(vec![0x55; usize::from(scid)]);
    packet.extend(token);
    packet.extend(len);
    packet.resize(28 + 1200, 0x99);
    packet
}

fn read(packet: &[u8]) -> Option<Initial> {
    initial(&Slice(packet), 28, u32::try_from(packet.len()).unwrap())
}

#[test]
fn initials_are_told_from_all_else() {
    for (first, version, dcid, scid, token, len, good, first_of_client) in [
        (0xc0, 1, 8, 0, &b"\0"[..], &b"\x44\x9e"[..], true, true),
        (0xcf, 1, 20, 20, b"\0", b"\x44\0", true, true),
        (0xd0, VERSION_2, 8, 0, b"\0", b"\x44\0", true, true),
        // Tokens of 2 bytes, and lengths that are longer than they need to be.
        (0xc0, 1, 8, 0, b"\x40\x02tt", b"\x80\0\x04\0", true, true),
        (0xc0, 1, 8, 0, b"\xc0\0\0\0\0\0\0\x02tt", b"\x44\0", true, true),
        // To a client; and the ids' bounds.
        (0xc0, 1, 0, 8, b"\0", b"\x44\0", true, false),
        (0xc0, 1, 7, 8, b"\0", b"\x44\0", true, false),
        (0xc0, 1, 21, 0, b"\0", b"\x44\0", false, false),
        (0xc0, 1, 255, 0, b"\0", b"\x44\0", false, false),
        (0xc0, 1, 8, 21, b"\0", b"\x44\0", false, false),
        // 0-RTT, Handshake, Retry; a short header; no fixed bit; the other version's Initial.
        (0xd0, 1, 8, 0, b"\0", b"\x44\0", false, false),
        (0xe0, 1, 8, 0, b"\0", b"\x44\0", false, false),
        (0xf0, 1, 8, 0, b"\0", b"\x44\0", false, false),
        (0x40, 1, 8, 0, b"\0", b"\x44\0", false, false),
        (0x80, 1, 8, 0, b"\0", b"\x44\0", false, false),
        (0xc0, VERSION_2, 8, 0, b"\0", b"\x44\0", false, false),
        // Version negotiation, a draft, and one that is reserved.
        (0xc0, 0, 8, 0, b"\0", b"\x44\0", false, false),
        (0xc0, 0xff00_001d, 8, 0, b"\0", b"\x44\0", false, false),
        (0xc0, 0x0a0a_0a0a, 8, 0, b"\0", b"\x44\0", false, false),
        // Lengths that lie.
        (0xc0, 1, 8, 0, b"\x44\xff", b"\x44\0", false, false),
        (0xc0, 1, 8, 0, b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\x44\0", false, false),
        (0xc0, 1, 8, 0, b"\0", b"\x44\xff", false, false),
        (0xc0, 1, 8, 0, b"\0", b"\xff\xff\xff\xff\xff\xff\xff\xff", false, false),
        (0xc0, 1, 8, 0, b"\0", b"\x13", false, false),
    ] {
        let packet = packet(first, version, dcid, scid, token, len);
        let case = packet[28..64].escape_ascii();
        assert_eq!(read(&packet).is_some(), good, "{case}");
        let whole = is_client_initial(&Slice(&packet), 28, 1200);
        assert_eq!(whole, good && first_of_client, "{case}");
        assert!(!is_client_initial(&Slice(&packet), 28, 1199), "{case}");
    }
}

#[test]
fn the_parts_are_where_they_are() {
    let packet = packet(0xc3, 1, 8, 3, b"\x02tt", b"\x44\0");
    let dcid_at = 28 + 6;
    let number_at = dcid_at + 8 + 1 + 3 + 3 + 2;
    let expected = Initial { version: 1, dcid_at, dcid_len: 8, number_at, end: number_at + 0x400 };
    assert_eq!(read(&packet), Some(expected));
}

#[test]
fn every_cut_is_refused_or_read_within() {
    let whole = packet(0xc0, 1, 8, 0, b"\0", b"\x40\x20");
    for end in 0..whole.len() {
        if let Some(initial) = read(&whole[..end]) {
            assert!(initial.end as usize <= end);
        }
    }
}

#[test]
fn several_datagrams_in_a_buffer() {
    let all =
        |len, gso_size| (0..9).map_while(|n| datagram(28, len, gso_size, n)).collect::<Vec<_>>();
    assert_eq!(all(1200, 0), [(28, 1200)]);
    assert_eq!(all(2400, 1200), [(28, 1200), (1228, 1200)]);
    assert_eq!(all(2500, 1200), [(28, 1200), (1228, 1200), (2428, 100)]);
    assert_eq!(all(0, 0), []);
    assert_eq!(datagram(28, 60_000, u32::MAX, 2), None);
}
