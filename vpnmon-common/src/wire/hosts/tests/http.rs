use super::{
    super::{Ended, MAX_LOOKED},
    Reading,
    client_hello::ClientHello,
    read, read_in, read_pieces, std,
};
use std::{format, string::String, vec::Vec};

/// Reads `head`, whole and byte by byte.
#[track_caller]
fn check_stream(head: &[u8], told: &[&str], ended: Option<Ended>) {
    let expected = Reading::of(told, ended);
    assert_eq!(read(head), expected, "{}", head.escape_ascii());
    assert_eq!(read_in(head, 1), expected, "byte by byte: {}", head.escape_ascii());
}

#[track_caller]
fn check(head: &str, told: &str) {
    check_stream(head.as_bytes(), &[told], None);
}

#[track_caller]
fn refused(head: &str, why: Ended) {
    check_stream(head.as_bytes(), &[], Some(why));
}

#[test]
fn host_lines() {
    for (lines, told) in [
        ("Host: a.example\r\n", "HttpHost a.example"),
        ("hOST:a.example\r\n", "HttpHost a.example"),
        ("Host: \t a.example \t \r\n", "HttpHost a.example"),
        ("Host: a.example:8080\r\n", "HttpHost a.example:8080"),
        ("Host: [::1]:80\r\n", "HttpHost [::1]:80"),
        ("Host: 127.0.0.1\r\n", "HttpHost 127.0.0.1"),
        ("Host: a b\r\n", "HttpHost a b"),
        ("Host: a,b\r\n", "HttpHost a,b"),
        ("Host: u@a.example\r\n", "HttpHost u@a.example"),
        ("Host: a\0|\x1b\r\n", "HttpHost a\\x00|\\x1b"),
        ("Hos: no\r\nHostt: no\r\nX-Host: no\r\nHost: a.example\r\n", "HttpHost a.example"),
        ("A: Host: no\r\nHost: a.example\r\n", "HttpHost a.example"),
        ("A: b\r\n Host: no\r\nHost: a.example\r\n", "HttpHost a.example"),
        ("no colon\r\nHost: a.example\r\n", "HttpHost a.example"),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nHost: a.example\r\n", "HttpHost a.example"),
    ] {
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), told);
        let feeds_only = format!("GET / HTTP/1.1\n{}\n", lines.replace("\r\n", "\n"));
        check(&feeds_only, told);
    }
}

#[test]
fn heads_that_say_no_host_or_more_than_one() {
    check_stream(b"GET / HTTP/1.1\r\nA: b\r\n\r\n", &[], None);
    check_stream(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", &[], None);
    check_stream(b"GET / HTTP/1.1\r\nHost: \t\r\n\r\n", &[], None);
    refused("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", Ended::NoName);
    for (lines, why) in [
        ("Host: a.example\r\nHost: b.example\r\n", Ended::TwoHosts),
        ("Host: a.example\r\nA: b\r\nhost: a.example\r\n", Ended::TwoHosts),
        ("Host:\r\nHost: a.example\r\n", Ended::TwoHosts),
        ("Host: a.example\r\n .evil.example\r\n", Ended::Folded),
        ("Host:\r\n a.example\r\n", Ended::Folded),
        ("Host : a.example\r\n", Ended::BlankBeforeColon),
        ("Host\t: a.example\r\n", Ended::BlankBeforeColon),
        ("X-Forwarded-For : 192.0.2.1\r\n", Ended::BlankBeforeColon),
        ("Host: a\rb\r\n", Ended::BareReturn),
        ("Host: a.example\r\r\n", Ended::BareReturn),
        ("A: b\r\n\rHost: a.example\r\n", Ended::BareReturn),
    ] {
        refused(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), why);
    }
}

#[test]
fn targets() {
    let host = "Host: h.example\r\n";
    for (line, told) in [
        ("GET /http://no.example/ HTTP/1.1", "HttpHost h.example"),
        ("OPTIONS * HTTP/1.1", "HttpHost h.example"),
        ("GET /a?b=c@d#e HTTP/1.0", "HttpHost h.example"),
        ("GET http://t.example/ HTTP/1.1", "HttpHost t.example"),
        ("GET http://t.example HTTP/1.1", "HttpHost t.example"),
        ("GET HTTPS://t.example:8443?q HTTP/1.1", "HttpHost t.example:8443"),
        ("GET http://t.example#f HTTP/1.1", "HttpHost t.example"),
        ("GET http://user:word@t.example/a@b HTTP/1.1", "HttpHost t.example"),
        ("GET http://a@b@t.example/ HTTP/1.1", "HttpHost b@t.example"),
        ("GET http://a\\b/ HTTP/1.1", "HttpHost a\\\\b"),
        ("GET http://[2001:db8::1]:80/ HTTP/1.1", "HttpHost [2001:db8::1]:80"),
        // What is no form of a target says nothing.
        ("GET t.example HTTP/1.1", "HttpHost h.example"),
        ("GET http:/t.example HTTP/1.1", "HttpHost h.example"),
        ("GET http:t.example/ HTTP/1.1", "HttpHost h.example"),
        ("GET ://t.example/ HTTP/1.1", "HttpHost h.example"),
        ("GET  /  HTTP/1.1", "HttpHost h.example"),
        ("CONNECT c.example:443 HTTP/1.1", "Connect c.example:443"),
        ("CONNECT [2001:db8::1]:443 HTTP/1.1", "Connect [2001:db8::1]:443"),
        ("CONNECT u@c.example:443 HTTP/1.1", "Connect u@c.example:443"),
        ("CONNECT http://c.example/ HTTP/1.1", "Connect http://c.example/"),
        // Methods have a case.
        ("connect c.example:443 HTTP/1.1", "HttpHost h.example"),
        ("CONNECTS c.example:443 HTTP/1.1", "HttpHost h.example"),
        ("M-SEARCH * HTTP/1.1", "HttpHost h.example"),
        ("GET%00 / HTTP/1.1", "HttpHost h.example"),
    ] {
        check(&format!("{line}\r\n{host}\r\n"), told);
    }
    check_stream(b"GET http:///a HTTP/1.1\r\nHost: h.example\r\n\r\n", &[], None);
    refused("GET http://t.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Ended::TwoHosts);
}

#[test]
fn what_proxies_say() {
    for (lines, told) in [
        ("Host: a\r\nX-Forwarded-Host: b\r\n", "HttpHost a proxy=b"),
        ("X-Real-Host: b\r\nHost: a\r\n", "HttpHost a proxy=b"),
        ("X-Forwarded-Host: b , c\r\nX-Real-Host: d\r\n", "- proxy=b"),
        ("X-Forwarded-Host:\r\nX-Real-Host: d\r\n", "- proxy=d"),
        ("Host: a\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n", "HttpHost a client=192.0.2.1"),
        (
            "X-Real-IP: 2001:db8::1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n",
            "HttpHost a client=2001:db8::1",
        ),
        ("Host: a\r\nX-Forwarded-For: b\r\nX-Forwarded-Host: c\r\n", "HttpHost a proxy=c client=b"),
    ] {
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), told);
    }
    // An address alone is no name; and half of a value is none.
    check_stream(b"GET / HTTP/1.1\r\nX-Real-IP: 192.0.2.1\r\n\r\n", &[], None);
    refused("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: b\r\n .c\r\n\r\n", Ended::Folded);
}

#[test]
fn long_names_are_dropped_and_counted() {
    let n = |len: usize| "n".repeat(len);
    let (host, two) = (n(253), n(35));
    for (lines, told) in [
        (format!("Host: {host}:65535\r\n"), format!("HttpHost {host}:65535")),
        (format!("Host: {}\r\n", n(260)), format!("HttpHost {}", n(260))),
        (format!("Host: {}\r\n", n(261)), "- dropped=1".into()),
        (format!("Host: {}\r\n", n(300)), "- dropped=1".into()),
        (format!("Host: {}\r\n", n(9000)), "- dropped=1".into()),
        (format!("Host: a{}b\r\n", " ".repeat(300)), "- dropped=1".into()),
        (format!("Host: a{}\r\n", " ".repeat(300)), "HttpHost a".into()),
        (format!("Host: {host}\r\nX-Real-Host: {two}\r\n"), format!("HttpHost {host} proxy={two}")),
        (format!("Host: {host}\r\nX-Real-Host: {two}x\r\n"), format!("HttpHost {host} dropped=1")),
        (format!("X-Real-Host: {}\r\nHost: a\r\n", n(400)), "HttpHost a dropped=1".into()),
    ] {
        check(&format!("GET / HTTP/1.1\r\n{lines}\r\n"), &told);
    }
    let userinfo = n(5000);
    check(&format!("GET http://{userinfo}@t.example/ HTTP/1.1\r\n\r\n"), "HttpHost t.example");
    check(&format!("GET http://{userinfo}/ HTTP/1.1\r\nHost: a\r\n\r\n"), "- dropped=1");
}

#[test]
fn whatever_stands_before_host() {
    let cookies = format!("Cookie: {}\r\n", "k=0123456789abcdef; ".repeat(400));
    assert!(cookies.len() > 8000);
    let head = format!("GET / HTTP/1.1\r\n{cookies}Host: a.example\r\n\r\n");
    check(&head, "HttpHost a.example");
    for size in [1448, 100, 31, 32, 33] {
        assert_eq!(read_in(head.as_bytes(), size).told, ["HttpHost a.example"]);
    }
    let path = "p".repeat(6000);
    check(&format!("GET /{path} HTTP/1.1\r\nHost: a.example\r\n\r\n"), "HttpHost a.example");
    let endless = format!("GET / HTTP/1.1\r\nHost: a.example\r\nA: {}", "a".repeat(20_000));
    refused(&endless, Ended::TooLong);
}

#[test]
fn requests_that_follow() {
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n\r\n\r\nGET http://c/ HTTP/1.1\r\n\r\n";
    check_stream(stream, &["HttpHost a", "HttpHost b", "HttpHost c"], None);
    // A body may look like a request.
    for body in ["Content-Length: 40", "transfer-encoding: chunked"] {
        let stream = format!(
            "POST / HTTP/1.1\r\n{body}\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n"
        );
        check_stream(stream.as_bytes(), &["HttpHost a"], Some(Ended::Read));
    }
    // What an upgrade leads to is another protocol, and no failure.
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nSSH-2.0-x\r\n";
    check_stream(stream, &["HttpHost a"], Some(Ended::Read));
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n";
    check_stream(stream, &["HttpHost a"], Some(Ended::TwoHosts));
}

#[test]
fn a_tunnel_has_a_hello_inside() {
    let hello = ClientHello::new().sni("in.example").records(50);
    let stream = [&b"CONNECT out.example:443 HTTP/1.1\r\nHost: x\r\n\r\n"[..], &hello].concat();
    check_stream(&stream, &["Connect out.example:443", "Sni in.example"], Some(Ended::Read));
}

#[test]
fn a_proxy_line_says_who_the_client_is() {
    let hello = ClientHello::new().sni("a.example").record();
    for (line, client) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", " client=192.0.2.1"),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", " client=2001:db8::1"),
        ("PROXY UNKNOWN\r\n", ""),
        ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""),
    ] {
        let told = format!("Sni a.example{client}");
        check_stream(&[line.as_bytes(), &hello].concat(), &[&told], Some(Ended::Read));
        let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 10.9.9.9\r\n\r\n";
        let spoken = if client.is_empty() { " client=10.9.9.9" } else { client };
        let told = format!("HttpHost a{spoken}");
        let stream = [line, request, request].concat();
        check_stream(stream.as_bytes(), &[&told, &told], None);
    }
}

#[test]
fn other_protocols() {
    for (stream, why) in [
        ("GET /\r\n", Ended::OtherProtocol),
        ("GET / HTTP/1.1 \r\n", Ended::OtherProtocol),
        ("GET / HTTP/3.0\r\n", Ended::OtherProtocol),
        ("GET / ICY/1.1\r\n", Ended::OtherProtocol),
        ("EHLO mail.example\r\n", Ended::OtherProtocol),
        ("HTTP/1.1 200 OK\r\n", Ended::OtherProtocol),
        ("G\u{c9}T / HTTP/1.1\r\n", Ended::OtherProtocol),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n", Ended::OtherProtocol),
        ("\r\n\r\n\0\r\nQUIT\n", Ended::OtherProtocol),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Ended::Http2),
        ("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n", Ended::Http2),
    ] {
        refused(stream, why);
    }
}

#[test]
fn a_head_may_be_cut_anywhere() {
    let head = b"GET http://u@t.example:80/ HTTP/1.1\r\nA: b\r\nX-Real-IP: 192.0.2.1\r\n\r\n";
    for end in 0..head.len() {
        assert_eq!(read(&head[..end]), Reading::default(), "{end}");
        let pieces = [&head[..end], &head[end..]];
        let told: Vec<String> = read_pieces(pieces.into_iter()).told;
        assert_eq!(told, ["HttpHost t.example:80 client=192.0.2.1"], "{end}");
    }
}

#[test]
fn keep_alive_ends_quietly() {
    let request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let count = MAX_LOOKED as usize / request.len() + 2;
    let reading = read_in(request.repeat(count).as_bytes(), request.len());
    assert_eq!(reading.ended, Some(Ended::TooLong));
    let line = "GET / HTTP/1.1\r\nHost: 123\r\n\r\n\r\n";
    assert_eq!((line.len(), MAX_LOOKED % 32), (31, 0));
    let reading = read_in(format!("{line}\n").repeat(600).as_bytes(), 32);
    assert_eq!((reading.told.len(), reading.ended), (512, Some(Ended::Read)));
}
