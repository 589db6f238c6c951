//! Whatever the cuts, the answer is that of the whole.

use proptest::{collection::vec, prelude::*};

use super::{
    client_hello::{ClientHello, records},
    read, read_pieces, std,
};
use std::{format, string::String, vec::Vec};

/// Cuts `stream` at the given places.
fn cut<'a>(stream: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    ends.extend([0, stream.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

prop_compose! {
    fn hellos()(
        name in "[a-z.]{1,60}", before in 0u16..8, after in 0u16..8, body in 0usize..300,
        key_share: bool, session in 0usize..33,
    ) -> ClientHello {
        let pad = |hello: ClientHello, count: u16| {
            (0..count).fold(hello, |hello, n| hello.extension(100 + n, std::vec![1; body]))
        };
        let hello = pad(ClientHello::new().session(session), before).sni(name);
        let hello = pad(hello, after);
        if key_share { hello.key_share() } else { hello }
    }
}

fn header_lines() -> impl Strategy<Value = String> {
    prop_oneof![
        "Host: [a-z.:]{0,20}",
        "X-Forwarded-Host: [a-z, ]{0,20}",
        "X-Real-IP:[0-9., ]{0,20}",
        "[A-Za-z-]{1,20}: [ -~]{0,200}",
        "Host : a",
        " folded",
        "Content-Length: 3",
    ]
}

prop_compose! {
    fn requests()(
        line in prop_oneof![
            "GET /[a-z]{0,100}", "CONNECT [a-z.]{1,20}:443", "GET http://[a-z@:.]{1,20}/[a-z]{0,60}",
            "PROXY TCP4 1.2.3.4 [0-9 ]{0,9}", "[A-Z]{1,26} [ -~]{0,9}",
        ],
        lines in vec(header_lines(), 0..8),
        end in prop_oneof!["\r\n", "\n"],
    ) -> String {
        format!("{line} HTTP/1.1{end}{}{end}{end}", lines.join(&end))
    }
}

proptest! {
    #[test]
    fn of_hellos(
        hello in hellos(), size in 1usize..1100, places in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let whole = read(&hello.record());
        prop_assert_eq!(whole.told.len(), 1);
        for size in [size, 1000, 100, 50, 7, 5, 1] {
            let stream = hello.records(size);
            prop_assume!(stream.len() < 16_000);
            prop_assert_eq!(&read_pieces(cut(&stream, &places).into_iter()), &whole);
            prop_assert_eq!(&super::read_in(&stream, size), &whole);
        }
    }

    #[test]
    fn of_requests(
        heads in vec(requests(), 1..4), places in vec(any::<prop::sample::Index>(), 0..20),
        size in 1usize..100,
    ) {
        let stream = heads.concat().into_bytes();
        let whole = read(&stream);
        prop_assert_eq!(&read_pieces(cut(&stream, &places).into_iter()), &whole);
        prop_assert_eq!(&super::read_in(&stream, size), &whole);
    }

    #[test]
    fn of_anything(
        mut stream in vec(any::<u8>(), 1..600), start in 0usize..3,
        places in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let start = [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n"][start];
        stream.splice(0..0, start.iter().copied());
        let whole = read(&stream);
        prop_assert_eq!(&read_pieces(cut(&stream, &places).into_iter()), &whole);
    }

    #[test]
    fn of_damaged_hellos(
        hello in hellos(), at in any::<prop::sample::Index>(), byte: u8, size in 1usize..300,
        places in vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut message = hello.message();
        *at.get_mut(&mut message) = byte;
        let whole = read(&records(&message, 16_000));
        let stream = records(&message, size);
        prop_assume!(stream.len() < 16_000);
        let cut = read_pieces(cut(&stream, &places).into_iter());
        prop_assert_eq!(cut.told, whole.told);
    }
}
