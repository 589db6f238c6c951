use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::civil::{date, datetime};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{conf, hosts, lines, usage_json, *};

/// A panel's `/etc` of a few files.
struct Etc(TempDir);

impl Etc {
    fn new(files: &[(&str, &str)]) -> Self {
        let etc = Self(TempDir::new().unwrap());
        for (name, text) in files {
            let path = etc.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        etc
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> Found {
        read(&Places::find(Some(self.0.path())))
    }

    /// What was skipped, as `file:line: why` with paths from here.
    fn skipped(&self, found: &Found) -> Vec<String> {
        let shown = |it: &Skipped| {
            let file = it.file.strip_prefix(self.0.path()).unwrap();
            format!("{}:{}: {}", file.display(), it.line, it.why)
        };
        found.skipped.iter().map(shown).collect()
    }
}

fn account(name: &str, service: Option<LegacyService>) -> LegacyAccount {
    LegacyAccount {
        name: name.to_owned(),
        service,
        total_limit: None,
        daily_limit: None,
        used: None,
        daily_used: None,
        last_reset: None,
        disabled_since: None,
    }
}

const MIB: u64 = 1 << 20;

const JOHN: &str = r#"{
  "username": "john",
  "daily_usage": 100,
  "total_usage": 5000,
  "daily_limit": 2097152,
  "total_limit": 104857600,
  "last_reset": "2024-12-07",
  "last_update": 1701936000,
  "baseline_usage": 0,
  "last_stats": 0
}
"#;

#[test]
fn a_whole_panel_is_read() {
    let etc = Etc::new(&[
        ("xray/bw-limit.conf", "# user MB type\njohn 100 ssh\nbob 0 ssws\n"),
        ("xray/bw-usage.conf", "bob 1000\neve 7\n"),
        ("xray/bw-last-stats.conf", "bob 234\n"),
        ("xray/bw-disabled.conf", "bob ssws 2026-01-31\nzed vless 2026-02-01\n"),
        ("myvpn/usage/john.json", JOHN),
        ("myvpn/hosts.log", "a.example|SSH|198.51.100.7|2026-11-23 19:06:16\n"),
        ("xray/captured-hosts.txt", "A.example.|OLD|2020-01-01 00:00:00\nb.example|VMESS|\n"),
    ]);
    let found = etc.read();
    let expected = [
        LegacyAccount {
            total_limit: Some(0),
            used: Some(1234),
            disabled_since: Some(date(2026, 1, 31)),
            ..account("bob", Some(LegacyService::Shadowsocks))
        },
        LegacyAccount { used: Some(7), ..account("eve", None) },
        LegacyAccount {
            total_limit: Some(100 * MIB),
            daily_limit: Some(2 * MIB),
            used: Some(5000),
            daily_used: Some((date(2024, 12, 7), 100)),
            last_reset: Some(date(2024, 12, 7)),
            ..account("john", Some(LegacyService::Ssh))
        },
        LegacyAccount {
            disabled_since: Some(date(2026, 2, 1)),
            ..account("zed", Some(LegacyService::Vless))
        },
    ];
    assert_eq!(found.accounts, expected);
    let row = |host: &str, service: &str, source_ip: Option<&str>, seen| LegacyHost {
        host: host.to_owned(),
        service: service.to_owned(),
        source_ip: source_ip.map(|ip| ip.parse().unwrap()),
        seen,
    };
    let first =
        row("a.example", "SSH", Some("198.51.100.7"), Some(datetime(2026, 11, 23, 19, 6, 16, 0)));
    assert_eq!(found.hosts, [first, row("b.example", "VMESS", None, None)]);
    assert_eq!(etc.skipped(&found), [""; 0]);
}

#[test]
fn a_root_a_copy_of_etc_and_a_flat_directory_are_the_same() {
    for layout in [
        ["etc/xray/bw-limit.conf", "etc/myvpn/usage/john.json", "etc/myvpn/hosts.log"],
        ["xray/bw-limit.conf", "myvpn/usage/john.json", "myvpn/hosts.log"],
        ["bw-limit.conf", "usage/john.json", "hosts.log"],
        ["bw-limit.conf", "john.json", "hosts.log"],
    ] {
        let [limits, usage, hosts] = layout;
        let etc = Etc::new(&[
            (limits, "john 1 ssh\n"),
            (usage, JOHN),
            (hosts, "a.example|SSH|N/A|2026-11-23 19:06:16"),
        ]);
        let found = etc.read();
        assert_eq!((found.accounts.len(), found.hosts.len()), (1, 1), "{layout:?}");
        assert_eq!(found.accounts[0].total_limit, Some(MIB), "{layout:?}");
        assert_eq!(found.accounts[0].used, Some(5000), "{layout:?}");
        assert_eq!(found.skipped, [], "{layout:?}");
    }
    let places = Places::find(None);
    assert_eq!(places.limits, Path::new("/etc/xray/bw-limit.conf"));
    assert_eq!(places.usage, Path::new("/etc/myvpn/usage"));
    assert_eq!(Etc::new(&[]).read(), Found::default());
}

#[test]
fn our_own_files_are_passed_over_and_the_panels_kept_ones_are_not() {
    let ours =
        JOHN.replace("}\n", ",\n \"service\": \"ssh\",\n  \"epoch\": \"boot/1/uplink\"\n}\n");
    let panels = JOHN.replace("5000", "6000");
    let etc = Etc::new(&[
        ("myvpn/usage/john.json", &ours),
        ("myvpn/usage/john.json.panel", &panels),
        ("myvpn/usage/mary.json", &ours.replace("john", "mary")),
        ("myvpn/usage/mary.json.bad-1700000000", "{"),
        ("myvpn/usage/.tmp.json", "{"),
    ]);
    let found = etc.read();
    let names: Vec<_> = found.accounts.iter().map(|it| (it.name.as_str(), it.used)).collect();
    assert_eq!(names, [("john", Some(6000))]);
    assert_eq!(
        etc.skipped(&found),
        ["myvpn/usage/john.json.panel:0: total_limit 104857600 was not in force: bw-limit.conf \
         names no such"]
    );
}

#[test]
fn unknown_is_not_zero() {
    let torn = JOHN.replace("\"total_usage\": 5000", "\"total_usage\": ");
    for (baseline, counter, expected) in [
        ("john 1000", "john 234", Some(1234)),
        ("john 1000", "", Some(1000)),
        ("", "john 234", Some(234)),
        ("", "", None),
        ("john -1", "john 234", None),
        ("john 1000", "john 1e9", None),
        ("john 1000\njohn 2000", "", Some(2000)),
    ] {
        let etc = Etc::new(&[
            ("xray/bw-limit.conf", "john 100 ssh"),
            ("xray/bw-usage.conf", baseline),
            ("xray/bw-last-stats.conf", counter),
            ("myvpn/usage/john.json", &torn),
        ]);
        let found = etc.read();
        assert_eq!(found.accounts[0].used, expected, "{baseline:?} {counter:?}");
        let last = etc.skipped(&found).pop().unwrap();
        assert!(!last.is_empty(), "{last}");
    }
    let etc = Etc::new(&[("xray/bw-usage.conf", "john 1000")]);
    std::os::unix::fs::symlink("nowhere", etc.path("xray/bw-last-stats.conf")).unwrap();
    assert_eq!(etc.read().accounts[0].used, None);
}

#[test]
fn the_panels_daily_usage_is_none_where_it_is_the_total() {
    let etc = Etc::new(&[("myvpn/usage/john.json", &JOHN.replace("5000", "100"))]);
    let john = etc.read().accounts.remove(0);
    assert_eq!((john.used, john.daily_used), (Some(100), None));
}

#[test]
fn usage_of_a_name_in_two_services_is_nobodys() {
    let etc = Etc::new(&[
        ("xray/bw-limit.conf", "bob 1 ssh\nbob 2 vmess\n"),
        ("xray/bw-usage.conf", "bob 1000\n"),
    ]);
    let found = etc.read();
    let rows: Vec<_> = found.accounts.iter().map(|it| (it.total_limit, it.used)).collect();
    assert_eq!(rows, [(Some(MIB), None), (Some(2 * MIB), None)]);
    assert_eq!(
        etc.skipped(&found),
        ["xray/bw-usage.conf:0: has the usage of \"bob\", a name in more than one service"]
    );
}

#[test]
fn conf_lines_are_taken_or_reported() {
    for (line, expected) in [
        ("john 100 ssh", Ok(("john", 100))),
        ("  john\t100   ssh \r", Ok(("john", 100))),
        ("john 100 ssh # since May", Ok(("john", 100))),
        ("\u{feff}john 0 trojan", Ok(("john", 0))),
        ("ž@例え.example 1 vless", Ok(("ž@例え.example", 1))),
        ("../../etc/passwd 1 ssh", Ok(("../../etc/passwd", 1))),
        ("$(reboot) 1 ssh", Ok(("$(reboot)", 1))),
        ("john 100", Err("\"john 100\" is not `user MB type`")),
        ("john 100 ssh extra", Err("\"john 100 ssh extra\" is not `user MB type`")),
        ("john -5 ssh", Err("\"-5\" is no whole number of MB")),
        ("john 99999999999999 ssh", Err("\"99999999999999\" is no whole number of MB")),
        ("john 99999999999999999999 ssh", Err("\"99999999999999999999\" is no whole number of MB")),
        ("john 1.5 ssh", Err("\"1.5\" is no whole number of MB")),
        ("john 1 SSH", Err("\"SSH\" is no type: ssh, vmess, vless, trojan or ssws")),
        ("a\u{1b}[2Jb 1 ssh", Err("\"a\\u{1b}[2Jb\" is no name: it has control characters")),
        ("\0\0\0\0", Err("\"\\0\\0\\0\\0\" is not `user MB type`")),
    ] {
        let parsed = conf::limits(line.as_bytes());
        let taken: Vec<_> =
            parsed.taken.iter().map(|(_, it)| Ok((it.name.as_str(), it.bytes / MIB))).collect();
        let refused: Vec<_> = parsed.refused.iter().map(|it| Err(it.why.as_str())).collect();
        assert_eq!([taken, refused].concat(), [expected], "{line:?}");
    }
    let long = format!("{} 1 ssh", "x".repeat(65));
    assert!(conf::limits(long.as_bytes()).taken.is_empty());
    assert_eq!(conf::limits(b"a\xff 1 ssh").refused[0].why, "is no UTF-8 (byte 2 of the line)");
    assert!(conf::disabled(b"john ssh 2026-02-30").taken.is_empty());
    assert_eq!(conf::limits(b"").refused_count(), 0);
}

#[test]
fn of_lines_about_the_same_the_last_stands() {
    let parsed = conf::limits(b"john 1 ssh\n\njohn 2 vmess\njohn 3 ssh\n");
    let taken: Vec<_> = parsed.taken.iter().map(|(line, it)| (*line, it.bytes / MIB)).collect();
    assert_eq!(taken, [(3, 2), (4, 3)]);
    let refused: Vec<_> = parsed.refused.iter().map(|it| (it.line, it.why.as_str())).collect();
    assert_eq!(refused, [(1, "line 4 says it again, and stands")]);
}

#[test]
fn a_file_of_garbage_is_reported_in_bounds() {
    let parsed = conf::limits("x\n".repeat(5000).as_bytes());
    assert_eq!(parsed.refused.len(), lines::MAX_REFUSED + 1);
    assert_eq!(parsed.refused.last().unwrap().why, "4000 more lines are not understood");
    assert_eq!(parsed.refused_count(), 5000);
}

#[test]
fn torn_json_is_read_key_by_key() {
    for (line, expected) in [
        ("\"total_usage\": 5", Ok(5)),
        ("\"total_usage\": 5,", Ok(5)),
        ("\"total_usage\": 5,,", Ok(5)),
        ("\"total_usage\": \"5\",", Ok(5)),
        ("\"total_usage\": \"5,\",", Ok(5)),
        ("\"total_usage\":5}", Ok(5)),
        ("{\"daily_limit\":1,,\"total_usage\":5}", Ok(5)),
        ("\"total_usage\": ,", Err("total_usage: \"\" is no whole number of bytes")),
        ("\"total_usage\": -5,", Err("total_usage: \"-5\" is no whole number of bytes")),
        ("\"total_usage\": 1.7e+09,", Err("total_usage: \"1.7e+09\" is no whole number of bytes")),
        ("\"total_usage\": null,", Err("total_usage: \"null\" is no whole number of bytes")),
        (
            "\"total_usage\": 5 6,",
            Err("\"\\\"total_usage\\\": 5 6,\" has something behind its value"),
        ),
        (
            "\"total_usage\": \"5",
            Err("\"\\\"total_usage\\\": \\\"5\" has a value without its closing quote"),
        ),
        ("\"total_usage 5,", Err("\"\\\"total_usage 5,\" begins with no key in quotes")),
        ("\"total_usage\" 5,", Err("\"\\\"total_usage\\\" 5,\" has no colon after its key")),
        ("total_usage: 5", Err("\"total_usage: 5\" begins with no key in quotes")),
        ("\"blocked\": true,", Err("\"blocked\" is no key of the panel")),
    ] {
        let (json, parsed) = usage_json::parse(format!("{{\n{line}\n").as_bytes()).unwrap();
        let refused = parsed.refused.first().map(|it| (it.line, it.why.as_str()));
        match expected {
            Ok(bytes) => assert_eq!((json.total_usage, refused), (Some(bytes), None), "{line}"),
            Err(why) => assert_eq!((json.total_usage, refused), (None, Some((2, why))), "{line}"),
        }
    }
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let (json, parsed) =
        usage_json::parse(b"\"total_usage\": 5\n\"total_usage\": 6,\n\"total_usage\": x\n")
            .unwrap();
    assert_eq!(json.total_usage, Some(6));
    assert_eq!(parsed.refused.iter().map(|it| it.line).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_json_that_is_no_usage_file_is_reported_once() {
    let etc = Etc::new(&[
        ("myvpn/usage/a.json", "{\n\"inbounds\": [\n{\"port\": 1}\n]\n}\n"),
        ("myvpn/usage/b.json", ""),
        ("myvpn/usage/mary.json", JOHN),
    ]);
    std::os::unix::fs::symlink("a.json", etc.path("myvpn/usage/c.json")).unwrap();
    nix::unistd::mkfifo(&etc.path("myvpn/usage/d.json"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let found = etc.read();
    assert_eq!(found.accounts, []);
    assert_eq!(
        etc.skipped(&found),
        [
            "myvpn/usage/a.json:0: holds none of the panel's keys",
            "myvpn/usage/b.json:0: holds none of the panel's keys",
            "myvpn/usage/c.json:0: is a symbolic link; put the file itself there",
            "myvpn/usage/d.json:0: is no regular file",
            "myvpn/usage/mary.json:0: says it is of \"john\"",
        ]
    );
}

#[test]
fn a_report_is_one_line_that_only_shows() {
    let etc = Etc::new(&[("myvpn/usage/a\u{1b}[2J\n.json", "{"), ("xray/bw-limit.conf", "x\n")]);
    let lines: Vec<_> = etc.read().skipped.iter().map(ToString::to_string).collect();
    assert!(lines[0].ends_with("bw-limit.conf:1: \"x\" is not `user MB type`"), "{lines:?}");
    assert!(lines[1].ends_with("a\\x1b[2J\\x0a.json: holds none of the panel's keys"), "{lines:?}");
}

#[test]
fn hosts_are_names_in_one_spelling() {
    for (line, expected) in [
        ("a.example|SSH|198.51.100.7|2026-11-23 19:06:16", Ok("a.example")),
        ("WWW.Example.ORG.:443|SSH|2001:db8::1|2026-11-23 19:06:16\r", Ok("www.example.org")),
        ("a.example|Bug-Host|N/A|2026-11-23 19:06:16", Ok("a.example")),
        ("a.example|added by hand|2026-11-23 19:06:16", Ok("a.example")),
        ("a_b.example|SSH||", Ok("a_b.example")),
        ("a.example|SSH|N/A|N/A", Ok("a.example")),
        ("203.0.113.5:80|SSH||", Ok("203.0.113.5")),
        ("[2001:DB8::5]:443|SSH||", Ok("2001:db8::5")),
        ("2001:db8::5|SSH||", Ok("2001:db8::5")),
        ("localhost|SSH||", Err("\"localhost\" is the server itself")),
        ("[::1]:22|SSH||", Err("\"::1\" is the server itself")),
        ("VPN.example|SSH||", Err("\"vpn.example\" is the server itself")),
        ("|SSH||", Err("\"\" is no host name")),
        ("a b.example|SSH||", Err("\"a b.example\" is no host name")),
        ("a..example|SSH||", Err("\"a..example\" is no host name")),
        ("žluť.example|SSH||", Err("\"žluť.example\" is no host name")),
        ("a.example||x||", Err("\"a.example||x||\" is not `host|service|source_ip|time`")),
        ("a.example|||", Err("\"\" is no service")),
        ("a.example|SSH|1.2.3|", Err("\"1.2.3\" is no IP address")),
        ("a.example|SSH|yesterday", Err("\"yesterday\" is no time such as 2026-11-23 19:06:16")),
    ] {
        let mut own = hosts::OwnNames::default();
        own.add("vpn.example".to_owned());
        let parsed = hosts::hosts(line.as_bytes(), &own);
        let taken: Vec<_> = parsed.taken.iter().map(|(_, it)| Ok(it.host.as_str())).collect();
        let refused: Vec<_> = parsed.refused.iter().map(|it| Err(it.why.as_str())).collect();
        assert_eq!([taken, refused].concat(), [expected], "{line}");
    }
    let etc = Etc::new(&[
        ("etc/xray/domain", "vpn.example\n"),
        ("etc/myipvps", "203.0.113.9\n"),
        ("etc/myvpn/hosts.log", "vpn.example|SSH||\n203.0.113.9|SSH||\nb.example|SSH||\n"),
    ]);
    let found = etc.read();
    assert_eq!(found.hosts.iter().map(|it| it.host.as_str()).collect::<Vec<_>>(), ["b.example"]);
    assert_eq!(found.skipped.len(), 2);
}

/// Whether each line that says anything is taken or reported, and no report acts on a terminal.
fn accounted_for<T>(text: &[u8], parsed: &Parsed<T>) {
    let lines = lines::numbered(text).filter(|(_, line)| !line.starts_with(b"#")).count();
    assert_eq!(parsed.taken.len() + parsed.refused_count(), lines);
    assert!(parsed.refused.len() <= lines::MAX_REFUSED + 1);
    one_line_each(parsed);
}

fn one_line_each<T>(parsed: &Parsed<T>) {
    for refused in &parsed.refused {
        assert!(!refused.why.contains(char::is_control) && refused.why.len() < 600, "{refused:?}");
    }
}

fn conf_text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[a-c]{1,2} (0|[1-9][0-9]{0,20}|-1) (ssh|vmess|ssws|x)( #.*)?\r?",
        "[a-c]{1,2} (ssh|vless) 20[0-9]{2}-[0-9]{2}-[0-9]{2}",
        "[a-c.]{1,9}(:[0-9]{1,3})?\\|[A-Z]{0,3}\\|([0-9.]{0,9}\\|)?(2026-01-02 03:04:05)?",
        "\\PC{0,30}",
        any::<String>(),
    ];
    let line = prop_oneof![
        8 => line.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(line, 0..30).prop_map(|lines| lines.join(&b'\n'))
}

fn json_text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[{]?\"(username|daily_usage|total_limit|last_reset|x)\" ?: ?\"?[-0-9a-z]{0,9}\"?[,}]{0,2}",
        "\"(total|daily)_usage\": [0-9]{1,4}, \"last_reset\": \"20[0-9]{2}-1[0-2]-1[0-9]\"",
        "[{}\\[\\]\",:0-9\\\\]{0,9}",
        "\\PC{0,30}",
    ];
    prop::collection::vec(line, 0..15).prop_map(|lines| lines.join("\n").into_bytes())
}

proptest! {
    #[test]
    fn every_conf_line_is_taken_or_reported(text in conf_text()) {
        accounted_for(&text, &conf::limits(&text));
        accounted_for(&text, &conf::counts(&text));
        accounted_for(&text, &conf::disabled(&text));
        accounted_for(&text, &hosts::hosts(&text, &hosts::OwnNames::default()));
        accounted_for(&text, &hosts::own_names(&text));
    }

    #[test]
    fn every_json_line_is_taken_or_reported(text in json_text()) {
        if let Some((_, parsed)) = usage_json::parse(&text) {
            one_line_each(&parsed);
            for (number, line) in lines::numbered(&text) {
                let is_blank = line.iter().all(|byte| b" \t\x0c\r{},".contains(byte));
                let taken = parsed.taken.iter().any(|(line, ())| *line == number);
                let refused = parsed.refused.iter().any(|it| it.line == number);
                prop_assert!(is_blank || taken || refused, "{number}");
            }
        }
    }

    #[test]
    fn no_directory_makes_it_fail(conf in conf_text(), json in json_text(), other in conf_text()) {
        let dir = TempDir::new().unwrap();
        for (name, text) in [
            ("bw-limit.conf", &conf),
            ("bw-usage.conf", &other),
            ("bw-last-stats.conf", &conf),
            ("bw-disabled.conf", &other),
            ("hosts.log", &conf),
            ("domain", &other),
            ("a.json", &json),
            ("b.json.panel", &json),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let found = read(&Places::find(Some(dir.path())));
        let mut keys: Vec<_> = found.accounts.iter().map(|it| (&it.name, it.service)).collect();
        prop_assert!(keys.is_sorted());
        keys.dedup();
        prop_assert_eq!(keys.len(), found.accounts.len());
    }
}
