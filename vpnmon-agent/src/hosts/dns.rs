//! The name in a question of plain DNS (RFC 1035 sections 4.1.1 and 4.1.2).

use vpnmon_common::wire::dns::HEADER;

use super::name::{HostName, NameError};

/// Bytes of the longest name with its lengths (RFC 1035 section 3.1).
const MAX_WIRE_NAME: usize = 255;
/// The two bits that a label's length has clear; set, they point elsewhere (section 4.1.4).
const POINTER: u8 = 0xc0;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: HostName,
    /// The type of record: 1 is A, 28 AAAA, 65 HTTPS.
    pub kind: u16,
}

/// Why a datagram has no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The datagram ends before the question does.
    #[error("cut off")]
    Cut,
    /// There is nothing before a question that a name in it could point to.
    #[error("a name that points elsewhere")]
    Pointer,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// The first question of `message`, which the kernel's gate has let through.
pub fn question(message: &[u8]) -> Result<Question, DnsError> {
    let mut rest = message.get(HEADER as usize..).ok_or(DnsError::Cut)?;
    let mut labels = Vec::new();
    let mut wire_len = 1;
    while let Some((label, behind)) = label(rest)? {
        wire_len += 1 + label.len();
        if wire_len > MAX_WIRE_NAME {
            return Err(NameError::TooLong.into());
        }
        labels.push(label);
        rest = behind;
    }
    // The root, then type and class.
    let [_, a, b, _, _] = *rest.first_chunk().ok_or(DnsError::Cut)?;
    Ok(Question { name: HostName::of_labels(&labels)?, kind: u16::from_be_bytes([a, b]) })
}

/// A label and what is behind it.
type Label<'a> = (&'a [u8], &'a [u8]);

/// The first label; `None` for the root.
fn label(bytes: &[u8]) -> Result<Option<Label<'_>>, DnsError> {
    let (len, behind) = bytes.split_first().ok_or(DnsError::Cut)?;
    match len {
        0 => Ok(None),
        len if len & POINTER != 0 => Err(DnsError::Pointer),
        len => behind.split_at_checked(usize::from(*len)).map(Some).ok_or(DnsError::Cut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(question: &[u8]) -> Vec<u8> {
        [b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0", question].concat()
    }

    fn read(question_bytes: &[u8]) -> Result<(String, bool, u16), DnsError> {
        let found = question(&message(question_bytes))?;
        Ok((found.name.as_str().to_owned(), found.name.is_odd(), found.kind))
    }

    #[test]
    fn questions() {
        for (bytes, name, is_odd, kind) in [
            (&b"\x03WwW\x07example\0\0\x01\0\x01"[..], "www.example", false, 1),
            (b"\x01a\0\0\x1c\0\x01more", "a", false, 28),
            (b"\x05_xmpp\x01a\0\0\x21\0\x01", "_xmpp.a", false, 33),
            (b"\x03a.b\x01c\0\0\x01\0\x01", "a\\x2eb.c", true, 1),
            (b"\x03a|\n\x01c\0\0\x01\0\x01", "a\\|\\x0a.c", true, 1),
        ] {
            assert_eq!(read(bytes), Ok((name.to_owned(), is_odd, kind)));
        }
    }

    #[test]
    fn what_is_no_question() {
        assert_eq!(read(b"\0\0\x02\0\x01"), Err(DnsError::Name(NameError::Empty)));
        assert_eq!(read(b"\x01a\xc0\x0c\0\x01\0\x01"), Err(DnsError::Pointer));
        assert_eq!(read(b"\x40a\0\0\x01\0\x01"), Err(DnsError::Pointer));
        let whole = message(b"\x03www\x07example\0\0\x01\0\x01");
        for end in 0..whole.len() {
            assert_eq!(question(&whole[..end]), Err(DnsError::Cut), "{end}");
        }
        let long = [&b"\x01a".repeat(127)[..], b"\0\0\x01\0\x01"].concat();
        assert_eq!(read(&long).unwrap().0.len(), 253);
        let longer = [&b"\x01a".repeat(128)[..], b"\0\0\x01\0\x01"].concat();
        assert_eq!(read(&longer), Err(DnsError::Name(NameError::TooLong)));
        let endless =
            b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".repeat(100);
        assert_eq!(read(&endless), Err(DnsError::Name(NameError::TooLong)));
    }
}
