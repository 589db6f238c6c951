use super::{
    super::{Ended, HostFlow, MAX_LOOKED, TcpSegment, Walk},
    FIRST, Reader, Reading,
    client_hello::ClientHello,
    std,
};
use std::vec::Vec;

fn stream() -> Vec<u8> {
    ClientHello::new().sni("a.example").record()
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

#[track_caller]
fn told(reader: &Reader) {
    assert_eq!(reader.reading, Reading::of(&["Sni a.example"], Some(Ended::Read)));
}

#[test]
fn a_flow_begins_behind_its_syn() {
    for seq in [0, 1, FIRST, u32::MAX - 50, u32::MAX - 1, u32::MAX] {
        let mut reader = Reader::default();
        reader.segment(seq, true, &[]);
        reader.segment(seq.wrapping_add(1), false, &stream());
        told(&reader);
    }
}

#[test]
fn a_hello_on_the_syn_comes_again_behind_it() {
    let stream = stream();
    for (on_syn, again) in [(0, 0), (10, 0), (10, 10), (10, 4), (stream.len(), 0)] {
        let mut reader = Reader::default();
        reader.segment(FIRST, true, &stream[..on_syn]);
        reader.segment(FIRST, true, &stream[..on_syn]);
        let rest = on_syn - again;
        reader.segment(FIRST + 1 + u32::try_from(rest).unwrap(), false, &stream[rest..]);
        told(&reader);
    }
}

#[test]
fn of_two_copies_the_first_counts() {
    let (first, other) = (stream(), ClientHello::new().sni("b.example").record());
    let mut reader = Reader::begun();
    reader.segment(FIRST, false, &first[..90]);
    reader.segment(FIRST, false, &other[..95]);
    reader.segment(FIRST + 20, false, &other[20..60]);
    reader.segment(FIRST + 80, false, &[&other[80..95], &first[95..]].concat());
    told(&reader);
}

#[test]
fn every_place_of_the_wrap() {
    let stream = stream();
    for before in 0..len(&stream) {
        let mut reader = Reader::default();
        let start = 0u32.wrapping_sub(before);
        reader.segment(start.wrapping_sub(1), true, &[]);
        for (at, piece) in stream.chunks(7).enumerate() {
            let seq = start.wrapping_add(u32::try_from(at).unwrap() * 7);
            reader.segment(seq, false, piece);
            reader.segment(seq, false, piece);
        }
        told(&reader);
    }
}

#[test]
fn without_a_beginning_nothing_is_read() {
    let mut reader = Reader::default();
    reader.segment(FIRST, false, &stream());
    assert_eq!(reader.reading, Reading::of(&[], Some(Ended::MidFlow)));
    // A later connection of the same socket has one.
    reader.reading = Reading::default();
    reader.segment(FIRST, true, &stream());
    told(&reader);
}

#[test]
fn a_gap_is_waited_for_and_then_given_up() {
    let stream = stream();
    let mut reader = Reader::begun();
    // What overtakes a whole hello does no harm.
    reader.segment(FIRST + len(&stream), false, b"early data");
    reader.segment(FIRST, false, &stream);
    told(&reader);

    let mut reader = Reader::begun();
    reader.segment(FIRST, false, &stream[..20]);
    for _ in 0..8 {
        reader.segment(FIRST + 30, false, &stream[30..]);
        assert_eq!(reader.reading, Reading::default());
    }
    reader.segment(FIRST + 30, false, &stream[30..]);
    assert_eq!(reader.reading, Reading::of(&[], Some(Ended::Gap)));
    assert!(reader.flow.is_over());
}

#[test]
fn acknowledgements_and_keep_alives_change_nothing() {
    let stream = stream();
    let mut reader = Reader::begun();
    for seq in [FIRST, FIRST - 1, FIRST + 1, FIRST + 5000] {
        reader.segment(seq, false, &[]);
    }
    reader.segment(FIRST - 1, false, &[0]);
    reader.segment(FIRST, false, &stream[..40]);
    reader.segment(FIRST + 39, false, &[0]);
    for _ in 0..20 {
        reader.segment(FIRST + 4000, false, &[]);
    }
    reader.segment(FIRST + 40, false, &stream[40..]);
    told(&reader);
}

#[test]
fn another_syn_is_another_connection() {
    let other = ClientHello::new().sni("b.example").record();
    let mut reader = Reader::default();
    reader.segment(FIRST, true, &other[..90]);
    reader.segment(FIRST + 7000, true, &stream());
    told(&reader);
}

#[test]
fn a_packet_may_be_read_in_several_goes() {
    let stream = stream();
    let packet = [&[0; 40][..], &stream].concat();
    let segment = TcpSegment { seq: FIRST, syn: false, payload_at: 40, payload_len: len(&stream) };
    for goes in 1..60 {
        let mut reader = Reader::begun();
        let mut walk = Walk::default();
        reader.flow.take(segment, &mut walk).unwrap();
        while reader.reading.ended.is_none() {
            for _ in 0..goes {
                if !reader.step(&mut walk, &packet) {
                    break;
                }
            }
            // Or the packet is taken again, where the walk could not be kept.
            if goes % 2 == 0 && reader.reading.ended.is_none() {
                reader.flow.take(segment, &mut walk).unwrap();
            }
        }
        told(&reader);
    }
}

#[test]
fn a_packet_that_ends_too_soon_ends_the_flow() {
    let mut flow = HostFlow::default();
    flow.begin(FIRST);
    let mut walk = Walk::default();
    let segment = TcpSegment { seq: FIRST, syn: false, payload_at: 40, payload_len: MAX_LOOKED };
    flow.take(segment, &mut walk).unwrap();
    let step = flow.step(&mut walk, &super::Slice(&[0x16; 60]));
    assert_eq!(step, super::Step::Ended(Ended::Unreadable));
}
