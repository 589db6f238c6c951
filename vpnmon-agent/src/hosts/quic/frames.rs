//! The frames of an Initial packet (RFC 9000 sections 12.4 and 19).

use super::QuicError;

const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_WITH_ECN: u64 = 3;
const CRYPTO: u64 = 6;
const CONNECTION_CLOSE: u64 = 0x1c;

/// A piece of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crypto<'a> {
    /// Where it belongs in the handshake's stream.
    pub offset: u64,
    /// The piece.
    pub bytes: &'a [u8],
}

/// All pieces in the frames of one packet. Frames that do not belong into an Initial make the
/// packet one of no client.
pub fn crypto(payload: &[u8]) -> Result<Vec<Crypto<'_>>, QuicError> {
    let mut reader = Reader(payload);
    let mut pieces = Vec::new();
    while !reader.0.is_empty() {
        match reader.varint()? {
            PADDING | PING => (),
            kind @ (ACK | ACK_WITH_ECN) => reader.ack(kind == ACK_WITH_ECN)?,
            CRYPTO => pieces.push(Crypto { offset: reader.varint()?, bytes: reader.vector()? }),
            CONNECTION_CLOSE => reader.close()?,
            _ => return Err(QuicError::Frame),
        }
    }
    Ok(pieces)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], QuicError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(QuicError::Frame)?;
        self.0 = rest;
        Ok(taken)
    }

    /// RFC 9000 section 16.
    fn varint(&mut self) -> Result<u64, QuicError> {
        let first = *self.0.first().ok_or(QuicError::Frame)?;
        let bytes = self.take(1 << (first >> 6))?;
        let (head, tail) = bytes.split_first().ok_or(QuicError::Frame)?;
        Ok(tail.iter().fold(u64::from(head & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
    }

    fn vector(&mut self) -> Result<&'a [u8], QuicError> {
        let len = self.varint()?;
        self.take(usize::try_from(len).map_err(|_| QuicError::Frame)?)
    }

    /// Section 19.3. The loop ends with the bytes, whatever the count says.
    fn ack(&mut self, ecn: bool) -> Result<(), QuicError> {
        let (_largest, _delay, ranges, _first) =
            (self.varint()?, self.varint()?, self.varint()?, self.varint()?);
        for _ in 0..ranges {
            let (_gap, _len) = (self.varint()?, self.varint()?);
        }
        for _ in 0..if ecn { 3 } else { 0 } {
            self.varint()?;
        }
        Ok(())
    }

    /// Section 19.19.
    fn close(&mut self) -> Result<(), QuicError> {
        let (_error, _frame) = (self.varint()?, self.varint()?);
        self.vector().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_among_other_frames() {
        let piece = |offset, bytes| Crypto { offset, bytes };
        for (payload, expected) in [
            (&b""[..], vec![]),
            (b"\0\0\0\x01\0", vec![]),
            (b"\x06\0\x02ab", vec![piece(0, &b"ab"[..])]),
            (b"\x06\x02\x01b\0\x06\0\x02ab\x01", vec![piece(2, b"b"), piece(0, b"ab")]),
            (b"\x02\x05\0\x01\x02\x03\x04\x06\x41\0\x40\x01x", vec![piece(256, b"x")]),
            (b"\x03\x05\0\0\x02\x01\x02\x03\x06\0\0", vec![piece(0, b"")]),
            (b"\x1c\0\x06\x02no\x06\0\x01x", vec![piece(0, b"x")]),
            (b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01x", vec![piece((1 << 62) - 1, b"x")]),
            // A type may be longer than it needs.
            (b"\x40\x06\0\x01x", vec![piece(0, b"x")]),
        ] {
            assert_eq!(crypto(payload), Ok(expected), "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_frame_of_an_initial() {
        for payload in [
            // STREAM, HANDSHAKE_DONE, CONNECTION_CLOSE of an application, an unknown one.
            &b"\x08\0\x01x"[..],
            b"\x1e",
            b"\x1d\0\x01x",
            b"\x7f\xff",
            // Cut off, and lengths that lie.
            b"\x06",
            b"\x06\0",
            b"\x06\0\x02a",
            b"\x06\0\xff\xff\xff\xff\xff\xff\xff\xffa",
            b"\x06\x40",
            b"\x02\x05\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
            b"\x02\x05\0\x01\0\x01",
            b"\x1c\0\x06\x05no",
            b"\0\0\xc0",
        ] {
            assert_eq!(crypto(payload), Err(QuicError::Frame), "{}", payload.escape_ascii());
        }
    }
}
