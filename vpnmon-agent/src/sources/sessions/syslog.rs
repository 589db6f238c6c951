//! Lines of an auth log: whose they are, by the header that the log's writer puts before them.
//!
//! Read are the traditional header, also with busybox' facility, the one with an ISO time that newer
//! rsyslog writes, OpenWrt's, and what `dropbear -E` writes itself.

use super::{
    Login, Server, message,
    stamp::{self, Stamp},
};

/// The header's words between time and tag: the host, and busybox' `auth.info`.
const WORDS_BEFORE_TAG: usize = 2;

/// Reads one line, without its end.
pub fn login(line: &[u8]) -> Option<Login> {
    let (pid, server, at, text) = own_header(line).or_else(|| header(line))?;
    let text = match own_header(text) {
        // `dropbear -E` under a logger that puts a header of its own before it.
        Some((inner, Server::Dropbear, _, text)) if server == Server::Dropbear => {
            (inner == pid).then_some(text)?
        }
        _ => text,
    };
    let said = message::accepted(server, text)?;
    Some(Login { pid, server, at, said })
}

type Header<'a> = (u32, Server, Option<Stamp>, &'a [u8]);

/// `TIME HOST [FACILITY.LEVEL] TAG[PID]: MESSAGE`.
fn header(line: &[u8]) -> Option<Header<'_>> {
    let (at, mut rest) = stamp::take(line)?;
    for _ in 0..=WORDS_BEFORE_TAG {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let (word, after) = (&rest[..end], &rest[end + 1..]);
        if word.ends_with(b":") {
            let (server, pid) = tag(word)?;
            return Some((pid, server, at, after));
        }
        rest = after;
    }
    None
}

/// `sshd[12]:`.
fn tag(word: &[u8]) -> Option<(Server, u32)> {
    let word = word.strip_suffix(b"]:")?;
    let open = word.iter().position(|byte| *byte == b'[')?;
    Some((Server::named(&word[..open])?, pid(&word[open + 1..])?))
}

/// `[PID] Nov 24 11:02:03 MESSAGE`: dropbear's own, with `-E`.
pub fn own_header(line: &[u8]) -> Option<Header<'_>> {
    let rest = line.strip_prefix(b"[")?;
    let close = rest.iter().position(|byte| *byte == b']')?;
    let pid = pid(&rest[..close])?;
    let (at, message) = stamp::take(rest[close + 1..].strip_prefix(b" ")?)?;
    Some((pid, Server::Dropbear, at, message))
}

/// A process id, which no kernel makes longer than seven digits.
pub fn pid(digits: &[u8]) -> Option<u32> {
    let fits = (1..=7).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| fits)?;
    text.parse().ok().filter(|pid| *pid > 1)
}
