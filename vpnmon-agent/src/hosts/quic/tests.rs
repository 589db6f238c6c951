//! Datagrams as clients seal them.

use super::{packet::Slice, *};
use proptest::prelude::*;
use vpnmon_common::wire::quic::{VERSION_1, VERSION_2, initial, is_client_initial};

#[expect(
    dead_code,
    unused_extern_crates,
    reason = "the kernel's parsers have tests of their own, which need more of it, and no std"
)]
#[path = "../../../../vpnmon-common/src/wire/hosts/tests/client_hello.rs"]
mod client_hello;
use client_hello::ClientHello;

const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const NOW: Duration = Duration::from_secs(100);

/// An Initial packet in the making.
#[derive(Clone)]
struct Packet {
    version: u32,
    dcid: Vec<u8>,
    /// The connection id that the keys are of, where it is another one.
    first_dcid: Option<Vec<u8>>,
    number: u32,
    frames: Vec<u8>,
    first: u8,
}

impl Packet {
    fn new() -> Self {
        Self {
            version: VERSION_1,
            dcid: DCID.to_vec(),
            first_dcid: None,
            number: 2,
            frames: vec![],
            first: 0xc3,
        }
    }

    fn frame(mut self, bytes: &[u8]) -> Self {
        self.frames.extend(bytes);
        self
    }

    fn crypto(self, offset: usize, bytes: &[u8]) -> Self {
        let head = [&[6][..], &varint(offset), &varint(bytes.len())].concat();
        self.frame(&head).frame(bytes)
    }

    /// Sealed, in a datagram of `len` bytes.
    fn seal(mut self, len: usize) -> Vec<u8> {
        self.first ^= if self.version == VERSION_2 { 0x10 } else { 0 };
        let mut header = [&[self.first][..], &self.version.to_be_bytes()].concat();
        header.push(u8::try_from(self.dcid.len()).unwrap());
        header.extend(&self.dcid);
        header.extend([0, 0]);
        let used = header.len() + 2 + 4 + 16;
        self.frames.resize(self.frames.len().max(len.saturating_sub(used)), 0);
        header.extend(varint(4 + self.frames.len() + 16));
        let number_at = header.len();
        header.extend(self.number.to_be_bytes());
        let dcid = self.first_dcid.as_ref().unwrap_or(&self.dcid);
        let keys = ClientKeys::derive(self.version, dcid).unwrap();
        keys.seal(u64::from(self.number), &header, &mut self.frames);
        let mask = keys.mask(&self.frames[..16]).unwrap();
        header[0] ^= mask[0] & 0x0f;
        header[number_at..].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        [header, self.frames].concat()
    }
}

/// In two bytes.
fn varint(value: usize) -> [u8; 2] {
    (u16::try_from(value).unwrap() | 0x4000).to_be_bytes()
}

fn hello() -> Vec<u8> {
    ClientHello::new().sni("q.example").message()
}

type Read = Result<Option<String>, QuicError>;

fn read_all(datagrams: &[Vec<u8>]) -> Vec<Read> {
    let mut hellos = Hellos::default();
    let mut read = |datagram: &Vec<u8>| {
        let names = hellos.read(&(), datagram, NOW)?;
        Ok(names.map(|names| str::from_utf8(names.host().unwrap().1).unwrap().to_owned()))
    };
    datagrams.iter().map(&mut read).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "what is compared with it can fail")]
fn told() -> Read {
    Ok(Some("q.example".into()))
}

#[test]
fn both_versions_and_every_length_of_a_packet_number() {
    for version in [VERSION_1, VERSION_2] {
        for dcid in [8, 14, 20] {
            let packet = Packet { version, dcid: vec![7; dcid], ..Packet::new() };
            let datagram = packet.crypto(0, &hello()).seal(1200);
            assert_eq!(datagram.len(), 1200);
            assert!(is_client_initial(&Slice(&datagram), 0, 1200));
            assert_eq!(read_all(&[datagram]), [told()]);
        }
    }
}

#[test]
fn pieces_as_browsers_cut_and_mix_them() {
    let hello = hello();
    let (a, rest) = hello.split_at(40);
    let (b, c) = rest.split_at(40);
    let packet = || Packet::new().frame(&[1, 0, 0]);
    for packet in [
        packet().crypto(80, c).crypto(0, a).frame(&[0; 30]).crypto(40, b),
        packet().crypto(40, b).crypto(80, c).crypto(0, a),
        packet().crypto(0, &hello[..60]).crypto(40, &hello[40..]).crypto(0, a),
        packet().crypto(0, &hello).crypto(hello.len(), b"more"),
        packet().frame(b"\x02\x05\0\x01\x02\x03\x04").crypto(0, &hello),
    ] {
        assert_eq!(read_all(&[packet.seal(1200)]), [told()]);
    }
}

#[test]
fn a_hello_in_two_datagrams() {
    let hello = ClientHello::new().key_share().sni("q.example").message();
    let parts =
        [Packet::new().crypto(0, &hello[..1000]), Packet::new().crypto(1000, &hello[1000..])];
    let [one, two] = parts.map(|packet| packet.seal(1200));
    assert_eq!(read_all(&[one.clone(), two.clone()]), [Ok(None), told()]);
    assert_eq!(read_all(&[two.clone(), one.clone()]), [Ok(None), told()]);
    assert_eq!(read_all(&[one.clone(), one.clone(), two.clone()]), [Ok(None), Ok(None), told()]);
    // Junk in between, under the same connection id, changes nothing.
    let mut junk = two.clone();
    junk[600] ^= 1;
    let failed = Err(QuicError::Authentication);
    assert_eq!(read_all(&[one.clone(), junk, two.clone()]), [Ok(None), failed, told()]);
    // The server's connection id, in place of the one that the keys are of.
    let dcid = vec![9; 20];
    let rest = Packet { dcid, first_dcid: Some(DCID.to_vec()), ..Packet::new() };
    let rest = rest.crypto(1000, &hello[1000..]).seal(1200);
    assert_eq!(read_all(&[one.clone(), rest]), [Ok(None), told()]);
    // Another connection, as after a Retry: it begins anew.
    let retried = || Packet { dcid: vec![9; 8], ..Packet::new() };
    let again = retried().crypto(0, &hello[..1000]).seal(1200);
    let rest = retried().crypto(1000, &hello[1000..]).seal(1200);
    assert_eq!(read_all(&[one.clone(), again, rest.clone()]), [Ok(None), Ok(None), told()]);
    assert_eq!(read_all(&[one, rest, two]), [Ok(None), Ok(None), Ok(None)]);
}

#[test]
fn coalesced_packets() {
    let hello = hello();
    let first = Packet::new().crypto(0, &hello[..50]).seal(0);
    let second = Packet { number: 3, ..Packet::new() }.crypto(50, &hello[50..]);
    let whole = [first.clone(), second.clone().seal(1200)].concat();
    assert_eq!(read_all(&[whole]), [told()]);
    // Behind it: 0-RTT, junk, another connection's packet.
    let one = Packet::new().crypto(0, &hello).seal(0);
    let other = Packet { dcid: vec![9; 8], ..second }.seal(1200);
    for behind in [&[0xd0, 0, 0, 0, 1, 0xff][..], &[0xff; 700], &other] {
        assert_eq!(read_all(&[[&one, behind].concat()]), [told()]);
    }
}

#[test]
fn what_tells_no_name() {
    let packet = || Packet::new().crypto(0, &hello());
    let good = packet().seal(1200);
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    let mut header = good.clone();
    header[6] ^= 1;
    let no_name = ClientHello::new().message();
    let hello_error = |why| Err(QuicError::Hello(why));
    for (datagram, expected) in [
        (broken, Err(QuicError::Authentication)),
        (header, Err(QuicError::Authentication)),
        (vec![0xff; 1200], Err(QuicError::NotInitial)),
        (good[..1100].to_vec(), Err(QuicError::NotInitial)),
        (vec![], Err(QuicError::NotInitial)),
        // Reserved bits, and frames of later packets.
        (Packet { first: 0xc7, ..packet() }.seal(1200), Err(QuicError::Frame)),
        (Packet::new().frame(b"\x08\0\x01x").crypto(0, &hello()).seal(1200), Err(QuicError::Frame)),
        (Packet::new().crypto(0, &no_name).seal(1200), hello_error(Ended::NoName)),
        (Packet::new().crypto(0, b"\x02").seal(1200), hello_error(Ended::NotHello)),
        (Packet::new().crypto(0x3fff, b"xx").seal(1200), hello_error(Ended::TooLong)),
        (Packet::new().seal(1200), Ok(None)),
        (Packet::new().crypto(0, &hello()[..70]).seal(1200), Ok(None)),
    ] {
        assert_eq!(read_all(&[datagram]), [expected]);
    }
    let far = b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01x";
    let datagram = Packet::new().frame(far).seal(1200);
    assert_eq!(read_all(&[datagram]), [hello_error(Ended::TooLong)]);
}

#[test]
fn no_flood_makes_it_large_and_time_empties_it() {
    let mut hellos = Hellos::default();
    let part = &hello()[..50];
    for n in 0u32..1000 {
        let dcid = [&n.to_be_bytes()[..], &[0; 4]].concat();
        let datagram = Packet { dcid, ..Packet::new() }.crypto(0, part).seal(1200);
        assert_eq!(hellos.read(&n, &datagram, NOW).map(drop), Ok(()));
        assert!(hellos.waiting() <= MAX_WAITING && hellos.order.len() <= MAX_WAITING);
    }
    assert_eq!(hellos.waiting(), MAX_WAITING);
    let empty = Packet::new().seal(1200);
    for (later, waiting) in [(5, MAX_WAITING), (6, 0)] {
        assert!(hellos.read(&0, &empty, NOW + Duration::from_secs(later)).is_ok());
        assert_eq!((hellos.waiting(), hellos.order.len()), (waiting, waiting));
    }
}

proptest! {
    #[test]
    fn any_cut_into_pieces_and_datagrams(
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..8), key_share: bool,
        keys in prop::collection::vec(any::<u32>(), 9),
    ) {
        let hello = ClientHello::new().sni("q.example");
        let hello = if key_share { hello.key_share() } else { hello }.message();
        let mut ends: Vec<_> = places.iter().map(|place| place.index(hello.len() + 1)).collect();
        ends.extend([0, 1000.min(hello.len()), hello.len()]);
        ends.sort_unstable();
        let mut pieces: Vec<_> =
            ends.windows(2).map(|pair| (pair[0], &hello[pair[0]..pair[1]])).zip(&keys).collect();
        pieces.sort_by_key(|(_, key)| **key);
        let datagrams: Vec<_> = pieces
            .iter()
            .map(|((offset, bytes), _)| Packet::new().crypto(*offset, bytes).seal(1200))
            .collect();
        let told: Vec<_> = read_all(&datagrams).into_iter().filter_map(|read| read.unwrap()).collect();
        prop_assert!(told.contains(&"q.example".to_owned()));
    }

    #[test]
    fn any_damage_is_refused(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut datagram = Packet::new().crypto(0, &hello()).seal(1200);
        *at.get_mut(&mut datagram) ^= 1 << bit;
        let read = read_all(&[datagram]).remove(0);
        prop_assert!(matches!(read, Err(QuicError::NotInitial | QuicError::Authentication)));
    }

    #[test]
    fn a_header_is_never_longer_than_its_datagram(
        mut bytes in prop::collection::vec(any::<u8>(), 6..80), start in 0usize..2,
    ) {
        bytes[..5].copy_from_slice(&[[0xc0, 0, 0, 0, 1], [0xd5, 0x6b, 0x33, 0x43, 0xcf]][start]);
        let end = u32::try_from(bytes.len()).unwrap();
        if let Some(found) = initial(&Slice(&bytes), 0, end) {
            prop_assert!(found.end <= end && found.number_at < found.end);
        }
        prop_assert!(Hellos::default().read(&(), &bytes, NOW).is_err());
    }
}
