//! Emails and the names of their accounts and counters.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use crate::ledger::file_name::MAX_NAME_BYTES;

/// The counter of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Bytes from the client.
    Uplink,
    /// Bytes to it.
    Downlink,
}

/// Takes `user>>>EMAIL>>>traffic>>>uplink` apart; the email may itself hold `>>>`.
pub fn counter(name: &[u8]) -> Option<(&[u8], Counter)> {
    let rest = name.strip_prefix(b"user>>>")?;
    let ends = [
        (b">>>traffic>>>uplink".as_slice(), Counter::Uplink),
        (b">>>traffic>>>downlink".as_slice(), Counter::Downlink),
    ];
    let found = ends.into_iter().find_map(|(end, way)| Some((rest.strip_suffix(end)?, way)));
    found.filter(|(email, _)| !email.is_empty())
}

/// What the account of an email is called: the email itself, unless it could not name a file. Then
/// its beginning, and a digest of all of it, so that two long emails stay two accounts.
pub fn account(email: &[u8]) -> String {
    let text = String::from_utf8_lossy(email);
    let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
    if is_text && file_bytes(&text) <= MAX_NAME_BYTES {
        return text.into_owned();
    }
    let digest = digest(&SHA256, email);
    let mut end = String::from("~");
    for byte in &digest.as_ref()[..8] {
        // A String takes everything.
        let _ = write!(end, "{byte:02x}");
    }
    let mut begin = String::new();
    for c in text.chars().filter(|c| *c != char::REPLACEMENT_CHARACTER) {
        let (mut one, mut all) = ([0; 4], begin.clone());
        all.push_str(c.encode_utf8(&mut one));
        if file_bytes(&all) + file_bytes(&end) > MAX_NAME_BYTES {
            break;
        }
        begin = all;
    }
    begin + &end
}

/// Each byte may take three in a file's name.
fn file_bytes(text: &str) -> usize {
    crate::ledger::file_name::escape(text).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<(&str, Counter)>) {
        let expected = expected.map(|(email, way)| (email.as_bytes(), way));
        assert_eq!(counter(name.as_bytes()), expected, "{name}");
    }

    #[test]
    fn emails_come_out_of_counters() {
        check("user>>>bob>>>traffic>>>uplink", Some(("bob", Counter::Uplink)));
        check("user>>>a>>>b>>>traffic>>>downlink", Some(("a>>>b", Counter::Downlink)));
        check(
            "user>>>x>>>traffic>>>uplink>>>traffic>>>downlink",
            Some(("x>>>traffic>>>uplink", Counter::Downlink)),
        );
        check("user>>>>>>traffic>>>uplink", None);
        check("user>>>bob>>>online", None);
        check("inbound>>>user>>>bob>>>traffic>>>uplink", None);
        check("user>>>bob>>>traffic>>>uplink ", None);
        check("", None);
    }

    #[test]
    fn emails_that_name_a_file_are_their_accounts() {
        for email in ["bob", "bob@example.org", "a b", "../../x", "a\nb", "ž", "a>>>b"] {
            assert_eq!(account(email.as_bytes()), email);
        }
    }

    #[test]
    fn other_emails_get_a_digest() {
        let long = "x".repeat(10_000);
        let name = account(long.as_bytes());
        assert!(name.starts_with("xxxx") && file_bytes(&name) <= MAX_NAME_BYTES, "{name}");
        assert_ne!(name, account((long.clone() + "y").as_bytes()));
        assert_eq!(name, account(long.as_bytes()));
        let odd = "\n".repeat(400);
        assert!(file_bytes(&account(odd.as_bytes())) <= MAX_NAME_BYTES);
        assert_ne!(account(b"a\xff"), account(b"a\xfe"));
    }
}
