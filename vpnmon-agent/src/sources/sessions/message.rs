//! What OpenSSH and dropbear say when somebody has logged in.
//!
//! Only whole sentences count, read from their first word on: a name or a version text of a client
//! stands further in, so it can neither begin a sentence nor end one early. A name that holds what a
//! sentence is made of (a blank, a quote) is of no login here.

use std::net::IpAddr;

use super::Server;

/// Longest account name that is taken; useradd allows 32.
const MAX_NAME_BYTES: usize = 64;

/// A sentence that says: this user is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Account name.
    pub user: String,
    /// Where the client is, as the server sees it.
    pub client: IpAddr,
    /// The client's port.
    pub port: u16,
}

/// Reads one message of `server`, without syslog's header.
pub fn accepted(server: Server, message: &[u8]) -> Option<Accepted> {
    let text = std::str::from_utf8(message).ok()?;
    match server {
        Server::OpenSsh => openssh(text),
        Server::Dropbear => dropbear(text),
        Server::Xray => None,
    }
}

/// `auth_log()` in auth.c: `Accepted METHOD for USER from ADDRESS port PORT ssh2[: KEY]`.
fn openssh(text: &str) -> Option<Accepted> {
    let mut words = text.strip_prefix("Accepted ")?.splitn(8, ' ');
    let mut next = || words.next();
    let method = next()?;
    if method.is_empty() || next()? != "for" {
        return None;
    }
    let user = next()?;
    if next()? != "from" {
        return None;
    }
    let client = address(next()?)?;
    if next()? != "port" {
        return None;
    }
    let port = port(next()?)?;
    let rest = next()?;
    // A key follows, of which nothing looks like the end of a longer name.
    let key = rest.strip_prefix("ssh2: ").is_some_and(|key| !key.contains("from "));
    let ends = rest == "ssh2" || key;
    (ends && is_name(user)).then(|| Accepted { user: user.to_owned(), client, port })
}

/// svr-authpasswd.c, svr-authpam.c, svr-authpubkey.c and svr-auth.c, in this order.
fn dropbear(text: &str) -> Option<Accepted> {
    let (rest, with_key) = if let Some(rest) = text.strip_prefix("Pubkey auth succeeded for '") {
        (rest, true)
    } else {
        let plain = [
            "Password auth succeeded for '",
            "PAM password auth succeeded for '",
            "Auth succeeded with blank password for '",
        ];
        (plain.iter().find_map(|start| text.strip_prefix(start))?, false)
    };
    let (user, rest) = rest.split_once('\'')?;
    let place = if with_key {
        // The key's comment is left out of the line, and its fingerprint has no blank.
        let (kind, rest) = rest.strip_prefix(" with ")?.split_once(" key ")?;
        let (print, place) = rest.split_once(" from ")?;
        (!kind.contains(' ') && !print.contains(' ')).then_some(place)?
    } else {
        rest.strip_prefix(" from ")?
    };
    let (client, port) = place.trim_end().rsplit_once(':')?;
    let (client, port) = (address(client)?, self::port(port)?);
    is_name(user).then(|| Accepted { user: user.to_owned(), client, port })
}

/// Whether `name` can be an account's and could not be part of a sentence.
pub fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '\'' | '"' | '/');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.contains(odd)
}

/// An address as servers print it: without brackets, link-local ones with their interface. IPv4 that
/// came over an IPv6 socket is IPv4.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.split_once('%').map_or(text, |(bare, _)| bare);
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Digits alone: `parse` would take a sign too.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|port| *port != 0)
}
