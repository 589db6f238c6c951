//! What a report looks like, and that no name becomes more than text.

use super::*;
use crate::{
    model::{Service, report::By},
    ui::table::TableStyle,
    view::report::{AccountSum, Detail, HostSum, Hour, Period},
};

const HOSTILE: &str = "<script>alert(1)</script>&\"\u{202e}";
const FORMULA: &str = "=HYPERLINK(\"x\",\"a,b\")";

fn account(service: Service, name: &str, uplink: u64) -> AccountSum {
    let unit = if service.is_xray() { "payload" } else { "ip" }.to_owned();
    AccountSum { service, name: name.to_owned(), unit, uplink, downlink: uplink * 3 }
}

fn example(names: &[&str]) -> Report {
    let accounts: Vec<_> =
        names.iter().map(|name| account(Service::Vless, name, 5_000_000_000)).collect();
    let period = |day: u32, uplink: u64| Period {
        start: format!("2026-11-{day:02}"),
        uplink,
        downlink: uplink * 3,
    };
    let hour = |hour: u8| Hour { hour, uplink: u64::from(hour) << 20, downlink: 1 };
    let host = |host: &str, uplink: u64| HostSum {
        host: host.to_owned(),
        first_seen: Some("2026-11-03T10:00:00+01:00".to_owned()),
        uplink,
        downlink: uplink,
    };
    Report {
        schema: 1,
        account: None,
        service: None,
        since: "2026-11-20".to_owned(),
        until: "2026-11-24".to_owned(),
        first_day: Some("2026-11-21".to_owned()),
        by: By::Day,
        uplink: 9_300_000_000,
        downlink: 27_900_000_000,
        periods: vec![
            period(21, 300_000_000),
            period(22, 0),
            period(23, 9_000_000_000),
            period(24, 1),
        ],
        hours: (0..24).map(hour).collect(),
        detail: (0..names.len())
            .map(|account| Detail { period: 2, account, uplink: 7, downlink: 9 })
            .collect(),
        accounts,
        hosts: vec![host("video.example", 1 << 33), host("news.example", 1 << 20)],
    }
}

fn style(width: usize) -> TableStyle {
    TableStyle { width, height: None, color: false }
}

#[test]
fn a_table_for_80_columns() {
    let shown = table(&example(&["alice", "bob"]), style(80), true);
    let expected = "\
Usage of all accounts by day, 2026-11-20 to 2026-11-24
DAY                 UPLINK  DOWNLINK       SUM
2026-11-21         286 MiB   858 MiB  1.12 GiB  ▇
2026-11-22             0 B       0 B       0 B
2026-11-23        8.38 GiB  25.1 GiB  33.5 GiB  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
2026-11-24             1 B       3 B       4 B  ▇
sum               8.66 GiB  26.0 GiB  34.6 GiB

ACCOUNT             UPLINK  DOWNLINK       SUM
vless:alice       4.66 GiB  14.0 GiB  18.6 GiB  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
vless:bob         4.66 GiB  14.0 GiB  18.6 GiB  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇

HOST, SINCE FIR…    UPLINK  DOWNLINK       SUM
video.example     8.00 GiB  8.00 GiB  16.0 GiB  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
news.example      1.00 MiB  1.00 MiB  2.00 MiB  ▇
";
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn no_line_is_too_wide_and_no_name_acts() {
    let long = "x".repeat(200);
    let names = ["a", &long, HOSTILE, "\x1b[2J"];
    for width in [40, 60, 80, 120] {
        for has_bars in [false, true] {
            let shown = table(&example(&names), style(width), has_bars);
            assert!(!shown.contains(['\x1b', '\u{202e}']), "{shown}");
            for line in shown.lines() {
                assert!(crate::escape::width(line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn a_line_of_csv_is_one_whatever_the_name() {
    let shown = comma_separated(&example(&[FORMULA, "a\"b\r\nc", "@x", "ok"])).unwrap();
    let expected = "period,service,account,unit,uplink,downlink\r\n\
        2026-11-23,vless,\"'=HYPERLINK(\"\"x\"\",\"\"a,b\"\")\",payload,7,9\r\n\
        2026-11-23,vless,\"a\"\"b\\x0d\\x0ac\",payload,7,9\r\n\
        2026-11-23,vless,'@x,payload,7,9\r\n\
        2026-11-23,vless,ok,payload,7,9\r\n";
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
}

#[test]
fn a_page_needs_nothing_and_shows_names_as_text() {
    let mut report = example(&[HOSTILE, "alice"]);
    report.account = Some(format!("vless:{HOSTILE}"));
    let alone = html(&report, "2026-11-24 21:00").unwrap();
    report.account = None;
    let all = html(&report, "2026-11-24 21:00").unwrap();
    for page in [&alone, &all] {
        for forbidden in ["<script", "http://", "https://", "url(", "@import", "\u{202e}", "<img"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;\\u{202e}"));
        assert!(page.contains("Nothing is known before 2026-11-21."));
        assert_eq!(page.matches("<section id=").count(), if page == &all { 4 } else { 3 });
    }
    assert!(all.contains("2026-11-23: 8.38 GiB uplink, 25.1 GiB downlink"));
}

#[test]
fn a_page_of_nothing_says_so() {
    let mut report = example(&[]);
    report.periods.clear();
    report.hosts.clear();
    let page = html(&report, "now").unwrap();
    for said in
        ["Nothing is known of that time.", "No account has moved", "No bytes are known of any host"]
    {
        assert!(page.contains(said), "{said}");
    }
}
