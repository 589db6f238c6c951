//! What a host name is, and how one that is none is written down all the same.

use std::{fmt::Write as _, net::Ipv6Addr};

/// Bytes of the longest name (RFC 1035 section 3.1, without the lengths and the root).
pub const MAX_NAME: usize = 253;
/// Bytes of the longest label (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// Digits of the longest port.
const MAX_PORT: usize = 5;

/// A name as it may be stored: lower-case, without port and final dot, and no byte in it that acts
/// on a file or a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName {
    text: String,
    is_odd: bool,
}

/// Why there is no name at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of it.
    #[error("an empty name")]
    Empty,
    /// It is dropped and counted, never shortened into another one.
    #[error("a name of more than {MAX_NAME} bytes")]
    TooLong,
}

impl HostName {
    /// The name in `raw`, which may have a port and a final dot. What holds other bytes than a name
    /// may, or is none by its labels, is [odd](Self::is_odd).
    pub fn parse(raw: &[u8]) -> Result<Self, NameError> {
        let host = without_port(raw);
        let name = host.strip_suffix(b".").unwrap_or(host);
        check_len(name.len())?;
        if is_plain(name) {
            return Ok(Self { text: lower(name), is_odd: false });
        }
        // As it was sent, port and all: who knows what it was meant to be.
        check_len(raw.len())?;
        Ok(Self { text: escaped(raw), is_odd: true })
    }

    /// The name with these labels, as DNS sends them. A dot within a label makes no new one.
    pub fn of_labels(labels: &[&[u8]]) -> Result<Self, NameError> {
        let joined = labels.join(&b'.');
        if !labels.iter().any(|label| label.contains(&b'.')) {
            return Self::parse(&joined);
        }
        check_len(joined.len())?;
        let shown = labels.iter().map(|label| escaped(label).replace('.', "\\x2e"));
        Ok(Self { text: shown.collect::<Vec<_>>().join("."), is_odd: true })
    }

    /// As it is stored. Of an odd name, every byte that is no visible ASCII as `\xNN`, `|` as `\|`
    /// and the backslash as `\\`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is no host name: kept out of `hosts.log`.
    pub const fn is_odd(&self) -> bool {
        self.is_odd
    }
}

/// A host name or address as [`HostName`] has it, if the word is one.
pub fn host(word: &str) -> Option<String> {
    let name = HostName::parse(word.as_bytes()).ok()?;
    (!name.is_odd).then_some(name.text)
}

fn check_len(len: usize) -> Result<(), NameError> {
    match len {
        0 => Err(NameError::Empty),
        1..=MAX_NAME => Ok(()),
        _ => Err(NameError::TooLong),
    }
}

/// `host:port` without the port (RFC 3986 section 3.2.3, where it may be empty). More colons than
/// one are of an address.
fn without_port(raw: &[u8]) -> &[u8] {
    let Some(colon) = raw.iter().rposition(|byte| *byte == b':') else { return raw };
    let (host, port) = (&raw[..colon], &raw[colon + 1..]);
    let is_port = port.len() <= MAX_PORT && port.iter().all(u8::is_ascii_digit);
    let is_host = host.ends_with(b"]") || !host.contains(&b':');
    if is_port && is_host { host } else { raw }
}

/// A name by its labels, an IPv4 address being one of them, or an IPv6 address.
fn is_plain(name: &[u8]) -> bool {
    is_ipv6(name) || name.split(|byte| *byte == b'.').all(is_label)
}

fn is_label(label: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_LABEL).contains(&label.len()) && label.iter().all(is_allowed)
}

/// In brackets as in a URL, or without.
fn is_ipv6(name: &[u8]) -> bool {
    let inner = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    let text = str::from_utf8(inner.unwrap_or(name));
    text.is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn lower(name: &[u8]) -> String {
    name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Not what `crate::escape` does: that is for eyes, and keeps what a terminal shows well; this is
/// for files that are split at `|` and read back.
fn escaped(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for byte in raw {
        match byte {
            b'|' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b'!'..=b'~' => text.push(char::from(byte.to_ascii_lowercase())),
            // Writing to a string cannot fail.
            _ => _ = write!(text, "\\x{byte:02x}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(raw: impl AsRef<[u8]>, text: &str, is_odd: bool) {
        let raw = raw.as_ref();
        let expected = HostName { text: text.to_owned(), is_odd };
        assert_eq!(HostName::parse(raw), Ok(expected), "{}", raw.escape_ascii());
    }

    #[test]
    fn names() {
        for (raw, text) in [
            ("a.example", "a.example"),
            ("A.ExAmPlE.", "a.example"),
            ("a.example:443", "a.example"),
            ("a.example.:8080", "a.example"),
            ("a.example:", "a.example"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("_dmarc.a-b.example", "_dmarc.a-b.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]:443", "[2001:db8::1]"),
            ("2001:db8::1", "2001:db8::1"),
            ("::1", "::1"),
        ] {
            check(raw, text, false);
        }
    }

    #[test]
    fn what_is_no_name_is_odd() {
        for (raw, text) in [
            (&b"a\0b"[..], "a\\x00b"),
            (b"a|ssh|1.2.3.4", "a\\|ssh\\|1.2.3.4"),
            (b"a\nb\r\tc\x1b[31m\x7f", "a\\x0ab\\x0d\\x09c\\x1b[31m\\x7f"),
            (b"\"'\\`$(x)%s", "\"'\\\\`$(x)%s"),
            (b"../../etc/passwd", "../../etc/passwd"),
            (b"..", ".."),
            (b"A..b", "a..b"),
            (b".a", ".a"),
            (b"a.example..", "a.example.."),
            (b"*", "*"),
            (b"*.example", "*.example"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("\u{202e}moc".as_bytes(), "\\xe2\\x80\\xaemoc"),
            ("b\u{fc}cher".as_bytes(), "b\\xc3\\xbccher"),
            (b"a b", "a\\x20b"),
            (b"u@a", "u@a"),
            (b"a:b", "a:b"),
            (b"a:123456", "a:123456"),
            (b"a:1:2", "a:1:2"),
            (b"[::1", "[::1"),
            (b"[::1]x:80", "[::1]x:80"),
            (b"[a.example]:80", "[a.example]:80"),
            (b"fe80::1%eth0", "fe80::1%eth0"),
            (b":", ":"),
            (b":80", ":80"),
            (b"a.example\r\nHost: b", "a.example\\x0d\\x0ahost:\\x20b"),
        ] {
            if raw.starts_with(b":") {
                assert_eq!(HostName::parse(raw), Err(NameError::Empty));
                continue;
            }
            check(raw, text, true);
        }
    }

    #[test]
    fn lengths() {
        let label = "n".repeat(63);
        let longest = [&label[..], &label, &label, &label[..61]].join(".");
        assert_eq!(longest.len(), MAX_NAME);
        check(&longest, &longest, false);
        check(format!("{longest}."), &longest, false);
        check(format!("{longest}.:65535"), &longest, false);
        check("n".repeat(64), &"n".repeat(64), true);
        check("|".repeat(253), &"\\|".repeat(253), true);
        for raw in ["", ".", ".:80"] {
            assert_eq!(HostName::parse(raw.as_bytes()), Err(NameError::Empty), "{raw}");
        }
        for len in [254, 255, 256, 65_535] {
            assert_eq!(
                HostName::parse("n".repeat(len).as_bytes()),
                Err(NameError::TooLong),
                "{len}"
            );
            assert_eq!(HostName::parse(&vec![b'|'; len]), Err(NameError::TooLong), "{len}");
        }
    }

    #[test]
    fn labels() {
        let of =
            |labels: &[&[u8]]| HostName::of_labels(labels).map(|name| (name.text, name.is_odd));
        assert_eq!(of(&[b"A", b"example"]), Ok(("a.example".into(), false)));
        assert_eq!(of(&[b"a.b", b"example"]), Ok(("a\\x2eb.example".into(), true)));
        assert_eq!(of(&[b"a|", b"b"]), Ok(("a\\|.b".into(), true)));
        assert_eq!(of(&[]), Err(NameError::Empty));
    }

    proptest! {
        #[test]
        fn nothing_gets_out_that_acts(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let Ok(name) = HostName::parse(&raw) else { return Ok(()) };
            prop_assert!(name.as_str().bytes().all(|byte| (b'!'..=b'~').contains(&byte)));
            prop_assert!(!name.as_str().replace("\\|", "").contains('|'));
            if !name.is_odd() {
                prop_assert_eq!(HostName::parse(name.as_str().as_bytes()), Ok(name));
            }
        }
    }
}
