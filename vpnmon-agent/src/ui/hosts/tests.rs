use super::*;
use crate::{
    model::sighting::{Direction, HostService, Kind},
    view::hosts::HostEvent,
};

fn row(host: &str, user: Option<&str>, kind: Option<Kind>, count: u64) -> Host {
    Host {
        host: host.to_owned(),
        kind,
        service: kind.map_or("MANUAL", |_| "SSH").to_owned(),
        user: user.map(str::to_owned),
        source_ip: kind.map(|_| "198.51.100.7".parse().unwrap()),
        first_seen: Some("2026-11-24T10:00:00+01:00".to_owned()),
        last_seen: kind.map(|_| format!("2026-11-24T10:0{count}:00+01:00")),
        count,
        uplink: None,
        downlink: None,
        odd: false,
    }
}

fn rows() -> Vec<Host> {
    vec![
        row("www.example.org", Some("alice"), Some(Kind::Sni), 3),
        Host {
            uplink: Some(1000),
            downlink: Some(2_000_000),
            ..row("a-long-name-of-a-content-network.cdn.example.net", None, Some(Kind::QuicSni), 1)
        },
        row("by-hand.example", None, None, 0),
        Host { odd: true, ..row(r"evil\x1b[2J", Some("eve\u{202e}\n"), Some(Kind::Dns), 2) },
    ]
}

fn style(width: usize, color: bool) -> TableStyle {
    TableStyle { width, height: None, color }
}

#[test]
fn the_table_fits_whatever_the_terminal() {
    for width in 0..200 {
        for line in render(&rows(), style(width.max(20), false)).lines() {
            let columns = crate::escape::width(line);
            assert!(columns <= width.max(20), "{width}: {columns} in {line:?}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
    let wide = render(&rows(), style(160, false));
    let expected = "\
HOST                                              USER             SERVICE  SOURCE        KIND      COUNT    BYTES  LAST
www.example.org                                   alice            SSH      198.51.100.7  sni           3        -  2026-11-24 10:03:00
a-long-name-of-a-content-network.cdn.example.net  -                SSH      198.51.100.7  quic-sni      1  1.91MiB  2026-11-24 10:01:00
by-hand.example                                   -                MANUAL   -             -             0        -  -
evil\\x1b[2J                                       eve\\u{202e}\\x0a  SSH      198.51.100.7  dns           2        -  2026-11-24 10:02:00
";
    assert_eq!(wide, expected);
}

#[test]
fn eighty_columns_keep_who_and_when() {
    let narrow = render(&rows(), style(80, false));
    let expected = "\
HOST                        USER             SERVICE  COUNT  LAST
www.example.org             alice            SSH          3  2026-11-24 10:03:00
";
    assert_eq!(narrow.lines().take(2).collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
}

#[test]
fn every_key_has_its_order() {
    let check = |key, expected: &str| {
        let mut hosts = rows();
        sort(&mut hosts, key);
        let first: Vec<_> = hosts.iter().map(|host| &host.host[..2]).collect();
        assert_eq!(first.join(" "), expected, "{key:?}");
    };
    check(HostSort::Host, "a- by ev ww");
    check(HostSort::Last, "ww ev a- by");
    check(HostSort::Count, "ww ev a- by");
    check(HostSort::Bytes, "a- by ev ww");
}

#[test]
fn programs_get_whole_cells_without_blanks() {
    let text = plain(&rows());
    for line in text.lines() {
        assert_eq!(line.split_whitespace().count(), 8, "{line}");
    }
    assert!(text.contains("2026-11-24T10:03:00"), "{text}");
}

#[test]
fn a_watched_line_stays_in_its_columns() {
    let event = HostEvent {
        time: "2026-11-24T10:03:00+01:00".to_owned(),
        host: "www.example.org".to_owned(),
        kind: Kind::Sni,
        service: HostService::Dropbear,
        user: Some("a b".to_owned()),
        source_ip: Some("198.51.100.7".parse().unwrap()),
        dest_ip: None,
        dest_port: None,
        direction: Direction::Egress,
        odd: false,
    };
    let shown = watch_line(&event, Some(style(80, false)));
    assert_eq!(
        watch_titles(Some(style(80, false))) + "\n" + &shown,
        "TIME      SERVICE   KIND        USER        SOURCE           HOST\n\
         10:03:00  DROPBEAR  sni         a b         198.51.100.7     www.example.org"
    );
    let colored = watch_line(&event, Some(style(80, true)));
    assert_eq!(colored, format!("\x1b[32m{shown}\x1b[0m"));
    let asked = HostEvent { kind: Kind::Dns, ..event.clone() };
    assert!(watch_line(&asked, Some(style(80, true))).starts_with("\x1b[2m"));
    assert_eq!(
        watch_line(&event, None),
        "2026-11-24T10:03:00+01:00  DROPBEAR  sni  a\\x20b  198.51.100.7  www.example.org"
    );
    for width in 0..120 {
        let line = watch_line(&event, Some(style(width, false)));
        assert!(crate::escape::width(&line) <= width, "{width}: {line}");
    }
}
