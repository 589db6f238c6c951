//! Questions of plain DNS (RFC 1035 section 4.1), as the kernel ships them.

use super::PacketBytes;

/// The port that is looked at.
pub const PORT: u16 = 53;
/// Bytes of the header.
pub const HEADER: u32 = 12;
/// The root as name, type and class.
const MIN_QUESTION: u32 = 1 + 2 + 2;
/// No question is longer: 255 bytes of name (RFC 1035 section 3.1), and what stands behind it, as
/// EDNS cookies and padding do (RFC 7830).
const MAX_MESSAGE: u32 = 1232;
/// An OPT record and a signature.
const MAX_ADDITIONAL: u16 = 2;

/// Whether a datagram of `len` bytes at `at`, to [`PORT`], is a usual question: one, unanswered.
#[inline(always)]
pub fn is_question(packet: &impl PacketBytes, at: u32, len: u32) -> bool {
    if !(HEADER + MIN_QUESTION..=MAX_MESSAGE).contains(&len) {
        return false;
    }
    let Some([_, _, flags, _, questions @ .., a0, a1]) = packet.load::<12>(at) else {
        return false;
    };
    // Not an answer, a standard query, not cut off.
    flags & 0b1111_1010 == 0
        && questions == [0, 1, 0, 0, 0, 0]
        && u16::from_be_bytes([a0, a1]) <= MAX_ADDITIONAL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::Slice;

    #[test]
    fn one_question_and_nothing_else() {
        let good = *b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
        let asks =
            |bytes: &[u8]| is_question(&Slice(bytes), 0, u32::try_from(bytes.len()).unwrap());
        assert!(asks(&good));
        for (at, byte, expected) in [
            (2, 0x01, true),
            (2, 0x00, true),
            // An answer, another operation, cut off.
            (2, 0x81, false),
            (2, 0x28, false),
            (2, 0x03, false),
            (3, 0x20, true),
            (5, 0, false),
            (5, 2, false),
            (4, 1, false),
            (7, 1, false),
            (9, 1, false),
            (11, 1, true),
            (11, 2, true),
            (11, 3, false),
        ] {
            let mut question = good;
            question[at] = byte;
            assert_eq!(asks(&question), expected, "{byte} at {at}");
        }
        assert!(!asks(&good[..16]));
        assert!(!is_question(&Slice(&good), 0, 5000));
        assert!(!is_question(&Slice(&good), 10, 100));
    }
}
