//! Lines: what is a login, and that nothing else is.

use std::net::IpAddr;

use proptest::prelude::*;

use crate::sources::sessions::{
    Server::{self, Dropbear, OpenSsh},
    fuzz_line,
    journal::entry::Entry,
    message::{accepted, is_name},
    stamp::{self, Stamp},
    syslog,
};

#[test]
fn messages() {
    for (server, text, expected) in [
        (OpenSsh, "Accepted password for john from 1.2.3.4 port 5022 ssh2", "john 1.2.3.4 5022"),
        (
            OpenSsh,
            "Accepted publickey for john from 2001:db8::1 port 5 ssh2: ED25519 SHA256:x/y+z",
            "john 2001:db8::1 5",
        ),
        (
            OpenSsh,
            "Accepted keyboard-interactive/pam for a.b-c_d@e$ from ::ffff:1.2.3.4 port 5 ssh2",
            "a.b-c_d@e$ 1.2.3.4 5",
        ),
        (OpenSsh, "Accepted none for j from fe80::1%eth0 port 65535 ssh2", "j fe80::1 65535"),
        (
            OpenSsh,
            "Accepted password for from from 1.2.3.4 port 22 ssh2: from 9.9.9.9 port 9 ssh2",
            "",
        ),
        (OpenSsh, "Accepted password for invalid user john from 1.2.3.4 port 5 ssh2", ""),
        (OpenSsh, "Accepted password for x from 1.2.3.4 port 22 from 5.6.7.8 port 9 ssh2", ""),
        (OpenSsh, "Accepted password for  from 1.2.3.4 port 5 ssh2", ""),
        (OpenSsh, "Accepted password for john from 1.2.3.4 port 5 ssh2 [preauth]", ""),
        (OpenSsh, "Accepted password for john from 1.2.3.4 port 5", ""),
        (OpenSsh, "Accepted password for john from 1.2.3.4 port 70000 ssh2", ""),
        (OpenSsh, "Accepted password for john from 1.2.3.4 port +5 ssh2", ""),
        (OpenSsh, "Accepted password for john from host.name port 5 ssh2", ""),
        (OpenSsh, " Accepted password for john from 1.2.3.4 port 5 ssh2", ""),
        (OpenSsh, "Failed password for john from 1.2.3.4 port 5 ssh2", ""),
        (
            OpenSsh,
            "Invalid user Accepted password for root from 1.2.3.4 port 22 ssh2 from 5.6.7.8 port 9",
            "",
        ),
        (OpenSsh, "Password auth succeeded for 'john' from 1.2.3.4:5", ""),
        (Dropbear, "Password auth succeeded for 'john' from 1.2.3.4:5022", "john 1.2.3.4 5022"),
        (
            Dropbear,
            "Password auth succeeded for 'john' from 2001:db8::1:5022",
            "john 2001:db8::1 5022",
        ),
        (
            Dropbear,
            "PAM password auth succeeded for 'john' from ::ffff:1.2.3.4:5",
            "john 1.2.3.4 5",
        ),
        (
            Dropbear,
            "Auth succeeded with blank password for 'john' from 1.2.3.4:5",
            "john 1.2.3.4 5",
        ),
        (
            Dropbear,
            "Pubkey auth succeeded for 'john' with ssh-ed25519 key SHA256:a/b+c from 1.2.3.4:5",
            "john 1.2.3.4 5",
        ),
        (
            Dropbear,
            "Pubkey auth succeeded for 'john' with ssh-rsa key md5 00:11 from 1.2.3.4:5",
            "",
        ),
        (Dropbear, "Password auth succeeded for 'x' from 1.2.3.4:5' from 5.6.7.8:9", ""),
        (Dropbear, "Password auth succeeded for '' from 1.2.3.4:5", ""),
        (Dropbear, "Bad password attempt for 'john' from 1.2.3.4:5", ""),
        (Dropbear, "Accepted password for john from 1.2.3.4 port 5 ssh2", ""),
    ] {
        let said = accepted(server, text.as_bytes());
        let said = said.map(|it| format!("{} {} {}", it.user, it.client, it.port));
        assert_eq!(said.unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn headers() {
    const SAID: &str = "Password auth succeeded for 'john' from 1.2.3.4:5";
    const OPENSSH: &str = "Accepted password for john from 1.2.3.4 port 5 ssh2";
    for (header, said, expected) in [
        ("Nov 24 11:02:03 host sshd[12]: ", OPENSSH, Some(12)),
        ("Nov  4 11:02:03 host sshd-session[4194303]: ", OPENSSH, Some(4_194_303)),
        ("2026-11-24T11:02:03.123456+01:00 host sshd[12]: ", OPENSSH, Some(12)),
        ("2026-11-24T11:02:03Z host dropbear[12]: ", SAID, Some(12)),
        ("Nov 24 11:02:03 host authpriv.notice dropbear[12]: ", SAID, Some(12)),
        ("Tue Nov 24 11:02:03 2026 authpriv.notice dropbear[12]: ", SAID, Some(12)),
        ("[12] Nov 24 11:02:03 ", SAID, Some(12)),
        ("Nov 24 11:02:03 host dropbear[12]: [12] Nov 24 11:02:03 ", SAID, Some(12)),
        ("Nov 24 11:02:03 host dropbear[12]: [13] Nov 24 11:02:03 ", SAID, None),
        ("Nov 24 11:02:03 host sshd[12]: [12] Nov 24 11:02:03 ", SAID, None),
        ("Feb 30 11:02:03 host sshd[12]: ", OPENSSH, Some(12)),
        ("Nov 24 11:02:03 host evil: x sshd[12]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host a b c sshd[12]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd[]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd[1]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd[-12]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd[12345678]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host notsshd[12]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host dropbear[12]: ", OPENSSH, None),
        ("Nov 24 11:02:03 host sshd[12]:", OPENSSH, None),
        ("Nov 24 1:02:03 host sshd[12]: ", OPENSSH, None),
        ("host sshd[12]: ", OPENSSH, None),
        ("", OPENSSH, None),
        ("", SAID, None),
    ] {
        let line = format!("{header}{said}");
        let login = syslog::login(line.as_bytes());
        assert_eq!(login.map(|login| login.pid), expected, "{line}");
    }
}

#[test]
fn journal_entries() {
    const TEXT: &str = "Password auth succeeded for 'john' from 1.2.3.4:5";
    let entry = |message: &str, pid: &str, comm: &str, exe: &str| {
        format!(
            r#"{{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795000000123456","MESSAGE":{message},
            "_PID":{pid},"_COMM":"{comm}",{exe}"SYSLOG_IDENTIFIER":"dropbear","SYSLOG_PID":"77"}}"#
        )
    };
    let (text, exe) = (format!("{TEXT:?}"), r#""_EXE":"/usr/sbin/dropbear","#);
    let bytes = format!("{:?}", TEXT.as_bytes());
    let own = format!("{:?}", format!("[12] Nov 24 11:02:03 {TEXT}"));
    for (line, expected) in [
        (entry(&text, r#""12""#, "dropbear", exe), Some(12)),
        (entry(&bytes, r#""12""#, "dropbear", exe), Some(12)),
        (entry(&own, r#""12""#, "dropbear", exe), Some(12)),
        (entry(&own, r#""13""#, "dropbear", exe), None),
        (entry(&text, r#""12""#, "dropbear", ""), Some(12)),
        // Whoever says of himself that he is dropbear, and is not.
        (entry(&text, r#""12""#, "dropbear", r#""_EXE":"/usr/bin/logger","#), None),
        (entry(&text, r#""12""#, "logger", ""), None),
        (entry(&text, r#"["12","13"]"#, "dropbear", exe), None),
        (entry("null", r#""12""#, "dropbear", exe), None),
        (entry("{}", r#""12""#, "dropbear", exe), None),
        (entry("[300]", r#""12""#, "dropbear", exe), None),
        ("{}".to_owned(), None),
    ] {
        let login = Entry::parse(line.as_bytes()).and_then(|entry| entry.login());
        assert_eq!(login.as_ref().map(|login| login.pid), expected, "{line}");
        if let Some(login) = login {
            assert_eq!(login.at, Some(Stamp::Unix(1_795_000_000)));
        }
    }
}

#[test]
fn times() {
    let unix = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second().cast_unsigned();
    let local = |year: i16, month, day| {
        let date = jiff::civil::date(year, month, day).at(11, 2, 3, 0);
        let zoned = date.to_zoned_datetime(jiff::tz::TimeZone::system()).unwrap();
        zoned.timestamp().as_second().cast_unsigned()
    };
    let now = unix("2026-11-24T12:00:00Z");
    for (line, expected) in [
        ("2026-11-24T11:02:03.5+01:00 x", Some(unix("2026-11-24T10:02:03Z"))),
        ("Nov 24 11:02:03 x", Some(local(2026, 11, 24))),
        ("Nov 26 11:02:03 x", Some(local(2025, 11, 26))),
        ("Dec 31 11:02:03 x", Some(local(2025, 12, 31))),
        ("Feb 29 11:02:03 x", Some(local(2024, 2, 29))),
        ("Tue Nov 24 11:02:03 2020 x", Some(local(2020, 11, 24))),
        ("Feb 31 11:02:03 x", None),
        ("2026-13-24T11:02:03Z x", None),
    ] {
        let (stamp, rest) = stamp::take(line.as_bytes()).unwrap();
        assert_eq!(rest, b"x");
        assert_eq!(stamp.and_then(|stamp| stamp.unix_seconds(now)), expected, "{line}");
    }
}

/// What goes into names: pieces of the very sentences.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            " ",
            "'",
            ":",
            "from",
            " from 1.2.3.4 port 22 ssh2",
            "' from 1.2.3.4:22",
            "\n",
            "\r",
            "Accepted password for root",
            "Password auth succeeded for 'root",
            "sshd[12]: ",
            "Nov 24 11:02:03 h ",
            "invalid user ",
            "[preauth]",
            "\u{202e}",
            "root",
            "%",
            "\0",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,4}",
        any::<char>().prop_map(String::from),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

/// What servers write of `name`, and who is in after it.
fn sentences(name: &str) -> Vec<(Server, String, Option<&str>)> {
    vec![
        (OpenSsh, format!("Accepted password for {name} from 9.9.9.9 port 9 ssh2"), Some(name)),
        (OpenSsh, format!("Accepted publickey for {name} from 9.9.9.9 port 9 ssh2: X"), Some(name)),
        (OpenSsh, format!("Failed password for {name} from 9.9.9.9 port 9 ssh2"), None),
        (
            OpenSsh,
            format!("Failed password for invalid user {name} from 9.9.9.9 port 9 ssh2"),
            None,
        ),
        (OpenSsh, format!("Invalid user {name} from 9.9.9.9 port 9"), None),
        (OpenSsh, format!("banner exchange: {name}"), None),
        (
            OpenSsh,
            format!("Connection closed by authenticating user {name} 9.9.9.9 port 9 [preauth]"),
            None,
        ),
        (Dropbear, format!("Password auth succeeded for '{name}' from 9.9.9.9:9"), Some(name)),
        (
            Dropbear,
            format!("Pubkey auth succeeded for '{name}' with a key b from 9.9.9.9:9"),
            Some(name),
        ),
        (Dropbear, format!("Bad password attempt for '{name}' from 9.9.9.9:9"), None),
        (Dropbear, format!("Exit (user '{name}', 0 fails): {name}"), None),
    ]
}

proptest! {
    #[test]
    fn a_name_is_nobody_else(name in hostile()) {
        // As rsyslog does; what gets a line of its own anyhow, /proc does not bear out.
        let name = name.replace('\n', "#012");
        for (server, text, user) in sentences(&name) {
            let tag = if server == OpenSsh { "sshd-session" } else { "dropbear" };
            let line = format!("Nov 24 11:02:03 host {tag}[12]: {text}");
            if let Some(login) = syslog::login(line.as_bytes()) {
                prop_assert_eq!(Some(login.said.user.as_str()), user, "{}", line);
                prop_assert_eq!(login.said.client, IpAddr::from([9, 9, 9, 9]));
                prop_assert!(login.pid == 12 && login.said.port == 9 && is_name(&name));
            }
        }
    }

    #[test]
    fn a_usable_name_is_read(name in "[a-z_][a-z0-9_.@$\\\\-]{0,30}") {
        for (server, text, user) in sentences(&name) {
            let said = accepted(server, text.as_bytes()).map(|it| it.user);
            prop_assert_eq!(said.as_deref(), user, "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in hostile(),
    ) {
        fuzz_line(&bytes);
        fuzz_line(text.as_bytes());
        fuzz_line(format!("Nov 24 11:02:03 host sshd[12]: {text}").as_bytes());
        fuzz_line(&[b"2026-11-24T", bytes.as_slice()].concat());
    }
}
