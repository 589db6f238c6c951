use super::{
    super::{Ended, MAX_LOOKED, handshake_name},
    Reading,
    client_hello::{ClientHello, record},
    read, read_in, std,
};
use std::{format, string::String, vec, vec::Vec};

fn hello() -> ClientHello {
    ClientHello::new()
}

#[track_caller]
fn check(stream: &[u8], told: &str) {
    assert_eq!(read(stream), Reading::of(&[told], Some(Ended::Read)));
}

#[track_caller]
fn refused(stream: &[u8], why: Ended) {
    assert_eq!(read(stream), Reading::of(&[], Some(why)), "{}", stream.escape_ascii());
}

#[test]
fn the_name_is_found_wherever_it_stands() {
    let unknown = |hello: ClientHello| (0..64).fold(hello, |h, n| h.extension(0x7000 + n, [7; 9]));
    for hello in [
        hello().sni("a.example"),
        hello().sni("a.example").extension(0x2b, [2, 3, 4]),
        hello().extension(0x0a0a, []).sni("a.example"),
        hello().key_share().sni("a.example"),
        hello().sni("a.example").key_share(),
        unknown(hello()).sni("a.example"),
        unknown(hello().sni("a.example")),
        hello().session(0).suites(2).compression(1).sni("a.example"),
        hello().suites(1000).compression(255).sni("a.example"),
        hello().version([3, 0]).sni("a.example"),
    ] {
        check(&hello.record(), "Sni a.example");
        let names = handshake_name(&hello.message()).unwrap();
        assert_eq!(names.host().unwrap().1, b"a.example");
    }
}

#[test]
fn a_name_that_may_hide_another_is_told_as_such() {
    const INNER: u16 = 0xfe0d;
    let inner = [0, 0, 1, 0, 1, 7, 0, 0];
    for hello in [
        hello().extension(INNER, inner).key_share().sni("a.example"),
        hello().sni("a.example").extension(INNER, inner),
        hello().extension(INNER, []).sni("a.example"),
    ] {
        for size in [1, 7, 16_000] {
            check(&hello.records(size), "OuterSni a.example");
        }
    }
    refused(&hello().extension(INNER, inner).record(), Ended::NoName);
    // A CONNECT before it, to the same proxy, is another message.
    let connect = b"CONNECT b.example:443 HTTP/1.1\r\n\r\n";
    let stream = [&connect[..], &hello().sni("a.example").record()].concat();
    let told = ["Connect b.example:443", "Sni a.example"];
    assert_eq!(read(&stream), Reading::of(&told, Some(Ended::Read)));
}

#[test]
fn names_come_as_they_are() {
    for name in [
        "A.Example.",
        "a..b",
        "xn--bcher-kva.example",
        "127.0.0.1",
        "*.example",
        "a|b\n\r\t\x1b\x7f\0\"'\\%s../",
        "trailing blank ",
        "\u{202e}moc.elgoog",
    ] {
        check(&hello().sni(name).record(), &format!("Sni {}", name.as_bytes().escape_ascii()));
    }
    for bytes in [&b"\xff\xfe"[..], b"host\r\nX-A: b"] {
        check(&hello().sni(bytes).record(), &format!("Sni {}", bytes.escape_ascii()));
    }
}

#[test]
fn a_long_name_is_never_a_shorter_one() {
    for len in [1, 63, 64, 252, 253, 254] {
        let name = "n".repeat(len);
        check(&hello().sni(&name).record(), &format!("Sni {name}"));
    }
    for len in [255, 256, 257, 300, 512, 4096, 16000] {
        refused(&hello().sni("n".repeat(len)).record(), Ended::NameTooLong);
    }
}

#[test]
fn hellos_without_a_name() {
    for hello in [hello(), hello().without_block(), hello().key_share()] {
        refused(&hello.record(), Ended::NoName);
    }
}

#[test]
fn what_is_not_one_host_name_is_none() {
    for (hello, why) in [
        (hello().server_names(&[(0, b"a.example"), (0, b"b.example")]), Ended::TwoServerNames),
        (hello().server_names(&[(0, b"a.example"), (1, b"x")]), Ended::TwoServerNames),
        (hello().sni("a.example").sni("a.example"), Ended::TwoServerNames),
        (hello().sni("a.example").key_share().sni("b.example"), Ended::TwoServerNames),
        (hello().server_names(&[(1, b"a.example")]), Ended::NameType),
        (hello().server_names(&[(255, b"x"), (0, b"a.example")]), Ended::NameType),
        (hello().sni(""), Ended::EmptyName),
        (hello().server_names(&[]), Ended::ServerNameLength),
        (hello().extension(0, []), Ended::ServerNameLength),
        (hello().extension(0, []).extension(0x2b, [2, 3, 4]), Ended::ServerNameLength),
        (hello().extension(0, [0]), Ended::ServerNameLength),
        (hello().extension(0, [0, 1, 0]).extension(0, []), Ended::EmptyName),
        (hello().extension(0, *b"\0\x04\0\0\x01a"), Ended::Read),
        (hello().extension(0, *b"\0\x05\0\0\x01a"), Ended::ServerNameLength),
        (hello().extension(0, *b"\0\x04\0\0\x01a!"), Ended::ServerNameLength),
        (hello().extension(0, *b"\0\x04\0\0\x02a"), Ended::ServerNameLength),
        (hello().extension(0, *b"\0\x05\0\0\x01ab"), Ended::TwoServerNames),
        (hello().extension(0, *b"\0\x05\0\xff\xffab"), Ended::ServerNameLength),
    ] {
        assert_eq!(read(&hello.record()).ended, Some(why), "{hello:?}");
        assert_eq!(handshake_name(&hello.message()).is_ok(), why == Ended::Read);
    }
}

#[test]
fn lengths_that_lie_never_make_a_name() {
    let message = hello().extension(23, []).sni("a.example").extension(43, [2, 3, 4]).message();
    // Session, suites, compression; block, first extension; SNI: extension, list, name.
    let fields = [(38, 1), (71, 2), (79, 1), (81, 2), (85, 2), (89, 2), (91, 2), (94, 2), (107, 2)];
    for (at, len) in fields {
        let good = message[at..at + len].iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte));
        let most = (1u32 << (8 * len)) - 1;
        for lie in [0, good.wrapping_sub(1) & most, good + 1, most / 2, most] {
            if lie == good {
                continue;
            }
            let mut message = message.clone();
            message[at..at + len].copy_from_slice(&lie.to_be_bytes()[4 - len..]);
            let reading = read(&record(22, &message));
            assert_eq!(reading.told, [""; 0], "{lie} at {at}");
            assert!(reading.ended.is_some_and(Ended::is_loss), "{lie} at {at}: {reading:?}");
        }
    }
}

#[test]
fn a_body_length_that_lies_makes_no_name() {
    let message = hello().sni("a.example").message();
    let good = u32::try_from(message.len() - 4).unwrap();
    for (lie, ended) in [
        (0, Some(Ended::HelloLength)),
        (1, Some(Ended::HelloLength)),
        (good - 1, Some(Ended::ExtensionLength)),
        (good + 1, Some(Ended::ExtensionLength)),
        (MAX_LOOKED, Some(Ended::ExtensionLength)),
        (MAX_LOOKED + 1, Some(Ended::TooLong)),
        (65_536, Some(Ended::TooLong)),
        (0x00ff_ffff, Some(Ended::TooLong)),
    ] {
        let mut message = message.clone();
        message[1..4].copy_from_slice(&lie.to_be_bytes()[1..]);
        assert_eq!(read(&record(22, &message)), Reading::of(&[], ended), "{lie}");
    }
}

#[test]
fn a_hello_past_its_record_goes_on_in_the_next() {
    let message = hello().sni("a.example").message();
    let mut stream = record(22, &message);
    // The record ends before the hello does: not yet a name.
    stream[3..5].copy_from_slice(&u16::try_from(message.len() - 1).unwrap().to_be_bytes());
    stream.pop();
    assert_eq!(read(&stream), Reading::default());
    // And behind the hello there may be anything.
    let more = [&record(22, &[&message[..], b"\x02more"].concat())[..], &[0xff; 50]].concat();
    check(&more, "Sni a.example");
}

#[test]
fn records_may_be_of_any_size_even_none() {
    let hello = hello().sni("a.example").key_share();
    for size in [1000, 100, 50, 7, 5, 1] {
        check(&hello.records(size), "Sni a.example");
    }
    let empty = record(22, &[]);
    let with_empty: Vec<u8> = hello
        .message()
        .chunks(100)
        .flat_map(|part| [empty.clone(), record(22, part)].concat())
        .collect();
    check(&with_empty, "Sni a.example");
}

#[test]
fn other_records_between_those_of_a_hello() {
    let hello = hello().sni("a.example").message();
    for other in [record(21, &[1, 0]), record(20, &[1]), record(23, b"x"), record(0, b"")] {
        let between = [record(22, &hello[..20]), other.clone(), record(22, &hello[20..])].concat();
        refused(&between, Ended::Interleaved);
        refused(&[other, record(22, &hello)].concat(), Ended::OtherProtocol);
    }
    let mut version = [record(22, &hello[..20]), record(22, &hello[20..])].concat();
    version[5 + 20 + 1] = 4;
    refused(&version, Ended::Record);
    let mut long = [record(22, &hello[..20]), record(22, &hello[20..])].concat();
    long[5 + 20 + 3] = 0x40;
    long[5 + 20 + 4] = 1;
    refused(&long, Ended::Record);
}

#[test]
fn what_is_no_hello() {
    let message = hello().sni("a.example").message();
    for (stream, why) in [
        // An SSL 2 hello.
        (b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10".to_vec(), Ended::OtherProtocol),
        (b"\x16\x03\x01\xff\xff\x01".to_vec(), Ended::OtherProtocol),
        (b"\x16\x16\x03\x01".to_vec(), Ended::OtherProtocol),
        (b"\x16\x02\0\0\x05".to_vec(), Ended::OtherProtocol),
        (b"\x16\x03\x03\0\x20random bytes".to_vec(), Ended::NotHello),
        (hello().kind(2).record(), Ended::NotHello),
        (hello().kind(0).record(), Ended::NotHello),
        (hello().version([2, 0]).record(), Ended::HelloLength),
        (hello().version([0x7f, 0x1c]).record(), Ended::HelloLength),
        (hello().session(33).record(), Ended::HelloLength),
        (hello().suites(0).record(), Ended::HelloLength),
        (hello().suites(3).record(), Ended::HelloLength),
        (hello().compression(0).record(), Ended::HelloLength),
        (record(23, &message), Ended::OtherProtocol),
        (vec![0; 100], Ended::OtherProtocol),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Ended::OtherProtocol),
    ] {
        refused(&stream, why);
    }
}

#[test]
fn only_so_much_is_looked_at() {
    let padded = |len: usize| hello().extension(21, vec![0; len]).sni("a.example");
    let overhead = padded(0).message().len();
    let most = usize::try_from(MAX_LOOKED).unwrap() - 5 - overhead;
    for size in [usize::MAX, 1448, 7] {
        let at = |len: usize| padded(len).record();
        let told = Reading::of(&["Sni a.example"], Some(Ended::Read));
        assert_eq!(read_in(&at(most), size.min(20_000)), told);
        for more in [1, 5] {
            let reading = read_in(&at(most + more), size.min(20_000));
            assert_eq!(reading, Reading::of(&[], Some(Ended::TooLong)), "{more} {size}");
        }
    }
}

#[test]
fn every_prefix_waits_for_more() {
    let stream = hello().extension(23, []).sni("a.example").extension(43, [2, 3, 4]).records(60);
    for end in 0..stream.len() {
        assert_eq!(read(&stream[..end]), Reading::default(), "{end}");
        let pieces = [&stream[..end], &stream[end..]];
        let told = Reading { told: vec![String::from("Sni a.example")], ended: Some(Ended::Read) };
        assert_eq!(super::read_pieces(pieces.into_iter()), told, "{end}");
    }
}
