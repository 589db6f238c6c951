//! The handshake's stream, put together from its pieces.

use vpnmon_common::wire::hosts::{Ended, MAX_LOOKED, Names, handshake_name};

/// Handshake type and length.
const HEADER: usize = 4;
const CLIENT_HELLO: u8 = 1;
const MAX_STREAM: usize = MAX_LOOKED as usize;

/// What has come of a stream: at most [`MAX_LOOKED`] bytes, in any order.
#[derive(Debug, Default)]
pub struct CryptoStream {
    bytes: Vec<Option<u8>>,
    /// Bytes from the start on that are all there.
    ready: usize,
}

impl CryptoStream {
    /// Puts a piece where it belongs. Of bytes that come twice, the first copy counts.
    pub fn add(&mut self, offset: u64, piece: &[u8]) -> Result<(), Ended> {
        let start = usize::try_from(offset).map_err(|_| Ended::TooLong)?;
        let end = start.checked_add(piece.len()).filter(|end| *end <= MAX_STREAM);
        let end = end.ok_or(Ended::TooLong)?;
        if self.bytes.len() < end {
            self.bytes.resize(end, None);
        }
        for (place, byte) in self.bytes[start..end].iter_mut().zip(piece) {
            place.get_or_insert(*byte);
        }
        self.ready += self.bytes[self.ready..].iter().take_while(|byte| byte.is_some()).count();
        Ok(())
    }

    /// Whether nothing has come.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The names of the hello, once it is there; `Ok(None)` before.
    pub fn names(&self) -> Result<Option<Names>, Ended> {
        let ready: Vec<u8> = self.bytes[..self.ready].iter().map_while(|byte| *byte).collect();
        match ready.first() {
            None => return Ok(None),
            Some(&CLIENT_HELLO) => (),
            Some(_) => return Err(Ended::NotHello),
        }
        let Some([_, a, b, c]) = ready.first_chunk::<HEADER>() else { return Ok(None) };
        let end = HEADER + u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if end > MAX_STREAM {
            return Err(Ended::TooLong);
        }
        ready.get(..end).map(handshake_name).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order() {
        let bytes: Vec<u8> = (0..100).collect();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let mut stream = CryptoStream::default();
            for part in order {
                let start = part * 25;
                // Overlaps its neighbour, and comes twice.
                let piece = &bytes[start..(start + 30).min(100)];
                stream.add(start as u64, piece).unwrap();
                stream.add(start as u64, piece).unwrap();
            }
            assert_eq!(stream.ready, 100);
            assert_eq!(stream.bytes, bytes.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_two_copies_the_first_counts() {
        let mut stream = CryptoStream::default();
        stream.add(1, b"b").unwrap();
        stream.add(0, b"AXC").unwrap();
        assert_eq!(stream.bytes, [Some(b'A'), Some(b'b'), Some(b'C')]);
    }

    #[test]
    fn no_offset_makes_it_large() {
        for (offset, len, is_good) in [
            (MAX_STREAM as u64 - 1, 1, true),
            (MAX_STREAM as u64, 1, false),
            (MAX_STREAM as u64 - 1, 2, false),
            (0, MAX_STREAM + 1, false),
            (1 << 62, 1, false),
            (u64::MAX, 1, false),
        ] {
            let mut stream = CryptoStream::default();
            assert_eq!(stream.add(offset, &vec![1; len]).is_ok(), is_good, "{offset} {len}");
            assert!(stream.bytes.len() <= MAX_STREAM);
        }
    }

    #[test]
    fn what_cannot_be_a_hello_is_not_waited_for() {
        for (start, expected) in [
            (&b""[..], Ok(None)),
            (b"\x01", Ok(None)),
            (b"\x01\0\x01\0", Ok(None)),
            (b"\x02", Err(Ended::NotHello)),
            (b"\x01\0\x40\0", Err(Ended::TooLong)),
            (b"\x01\xff\xff\xff", Err(Ended::TooLong)),
            (b"\x01\0\0\0", Err(Ended::HelloLength)),
        ] {
            let mut stream = CryptoStream::default();
            stream.add(0, start).unwrap();
            assert_eq!(stream.names(), expected, "{}", start.escape_ascii());
        }
    }
}
