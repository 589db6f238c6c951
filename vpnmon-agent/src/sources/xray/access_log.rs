//! Lines of Xray's access log. The destination in them is the client's text.
//!
//! ```text
//! 2026/11/23 19:06:16.123456 from 198.51.100.7:443 accepted tcp:www.example.org:443 [in -> out] email: bob
//! 2026/11/23 19:06:16 198.51.100.7:443 accepted tcp:www.example.org:443 [out] email: bob
//! ```
//!
//! The second is v2ray's and older Xray's. The source may have `tcp:` in front, the bracket and the
//! email may be missing.

use std::net::{IpAddr, SocketAddr};

/// A connection or packet that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The client; port 0 where a proxy in front told its address alone.
    pub client: SocketAddr,
    /// Where to, as the client said it.
    pub host: &'a str,
    /// The port there.
    pub port: u16,
    /// Whose it is; the server's word, at the end of the line.
    pub email: &'a str,
}

/// Reads a line; `None` for all but accepted connections of somebody.
pub fn accepted(line: &[u8]) -> Option<Accepted<'_>> {
    let line = std::str::from_utf8(line).ok()?;
    let rest = stamped(line)?;
    let rest = rest.strip_prefix("from ").unwrap_or(rest);
    let (client, rest) = rest.split_once(' ')?;
    let rest = rest.strip_prefix("accepted ")?;
    // The last one: all before it may be the client's.
    let (rest, email) = rest.rsplit_once(" email: ")?;
    let (destination, bracket) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_bracket = bracket.is_empty() || (bracket.starts_with('[') && bracket.ends_with(']'));
    // A destination with a blank in it is none: where it ends nobody could tell.
    if !is_bracket || email.is_empty() || bracket.contains(" email: ") {
        return None;
    }
    let (host, port) = without_network(destination).rsplit_once(':')?;
    let port = port.parse().ok()?;
    (!host.is_empty()).then_some(Accepted { client: address(client)?, host, port, email })
}

/// What follows the date and the time.
fn stamped(line: &str) -> Option<&str> {
    let (date, rest) = line.split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    let is = |text: &str, sign: u8| {
        text.bytes().all(|byte| byte.is_ascii_digit() || byte == sign || byte == b'.')
    };
    (date.len() == 10 && is(date, b'/') && time.len() >= 8 && is(time, b':')).then_some(rest)
}

fn without_network(text: &str) -> &str {
    text.strip_prefix("tcp:").or_else(|| text.strip_prefix("udp:")).unwrap_or(text)
}

fn address(text: &str) -> Option<SocketAddr> {
    let text = without_network(text);
    let (ip, port) = text.rsplit_once(':')?;
    let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    let ip: IpAddr = ip.parse().ok()?;
    Some(SocketAddr::new(ip.to_canonical(), port.parse().ok()?))
}

impl Accepted<'_> {
    /// Whether it went to an address and not to a name.
    pub fn is_to_address(&self) -> bool {
        self.dest_ip().is_some()
    }

    fn dest_ip(&self) -> Option<IpAddr> {
        let host = self.host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        host.unwrap_or(self.host).parse().ok()
    }
}

/// For fuzzing: what is taken can be told of.
pub fn fuzz(line: &[u8]) {
    let Some(accepted) = accepted(line) else { return };
    assert!(!accepted.host.is_empty() && !accepted.host.contains(' '), "{accepted:?}");
    assert!(!accepted.email.is_empty() && !accepted.email.contains(" email: "), "{accepted:?}");
    assert_eq!(accepted.client.ip(), accepted.client.ip().to_canonical());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, &str, u16, &str)>) {
        let found = accepted(line.as_bytes());
        let found = found.map(|it| (it.client.to_string(), it.host, it.port, it.email));
        let expected =
            expected.map(|(client, host, port, email)| (client.into(), host, port, email));
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn all_formats_are_read() {
        for line in [
            "2026/11/23 19:06:16.123456 from 198.51.100.7:4430 accepted tcp:www.example.org:443 [in -> out] email: bob",
            "2026/11/23 19:06:16 from tcp:198.51.100.7:4430 accepted tcp:www.example.org:443 [in >> out] email: bob",
            "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp:www.example.org:443 [out] email: bob",
            "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp:www.example.org:443 email: bob",
        ] {
            check(line, Some(("198.51.100.7:4430", "www.example.org", 443, "bob")));
        }
        check(
            "2026/11/23 19:06:16 from [2001:db8::1]:0 accepted udp:[2001:db8::2]:53 [out] email: a b@x",
            Some(("[2001:db8::1]:0", "[2001:db8::2]", 53, "a b@x")),
        );
    }

    #[test]
    fn others_are_not() {
        for line in [
            "",
            "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp:www.example.org:443 [out]",
            "2026/11/23 19:06:16 198.51.100.7:4430 rejected  proxy/vless: invalid user email: bob",
            "2026/11/23 19:06:16 from DNS accepted udp:8.8.8.8:53 [out] email: bob",
            "[Info] 198.51.100.7:4430 accepted tcp:a:1 email: bob",
            "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp::443 email: bob",
            "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp:a:65536 email: bob",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn a_destination_cannot_be_somebody_else() {
        let line = |destination: &str, end: &str| {
            format!(
                "2026/11/23 19:06:16 198.51.100.7:4430 accepted tcp:{destination}:443 [out]{end}"
            )
        };
        check(&line("x email: victim", " email: bob"), None);
        check(&line("x [out] email: victim", " email: bob"), None);
        // Of somebody without an email: a name that nobody has.
        check(
            &line("x:1 [a] email: victim", ""),
            Some(("198.51.100.7:4430", "x", 1, "victim:443 [out]")),
        );
    }
}
