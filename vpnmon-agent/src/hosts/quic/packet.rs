//! An Initial packet, opened (RFC 9001 section 5).

use vpnmon_common::wire::{
    PacketBytes,
    quic::{Initial, initial},
};

use super::{QuicError, keys::ClientKeys};

/// A sample of the cipher text begins here, whatever the packet number's length (RFC 9001 section
/// 5.4.2).
const SAMPLE_OFFSET: usize = 4;
const SAMPLE_LEN: usize = 16;
/// Bits of the first byte that are zero under their protection (RFC 9000 section 17.2).
const RESERVED: u8 = 0x0c;

/// Bytes in memory.
pub struct Slice<'a>(pub &'a [u8]);

impl PacketBytes for Slice<'_> {
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}

/// An Initial packet somewhere in a datagram.
pub struct Sealed<'a> {
    header: Initial,
    datagram: &'a [u8],
    start: usize,
}

impl<'a> Sealed<'a> {
    /// The packet at `start` of `datagram`.
    pub fn at(datagram: &'a [u8], start: usize) -> Option<Self> {
        let end = u32::try_from(datagram.len()).ok()?;
        let header = initial(&Slice(datagram), u32::try_from(start).ok()?, end)?;
        Some(Self { header, datagram, start })
    }

    /// QUIC's version.
    pub const fn version(&self) -> u32 {
        self.header.version
    }

    /// The destination's connection id.
    pub fn dcid(&self) -> &'a [u8] {
        let at = self.header.dcid_at as usize;
        self.datagram.get(at..at + usize::from(self.header.dcid_len)).unwrap_or_default()
    }

    /// Where the next packet of the datagram would begin.
    pub const fn end(&self) -> usize {
        self.header.end as usize
    }

    /// The frames in it.
    pub fn open(&self, keys: &ClientKeys) -> Result<Vec<u8>, QuicError> {
        let sealed = self.datagram.get(self.start..self.end()).ok_or(QuicError::NotInitial)?;
        let number_at = self.header.number_at as usize - self.start;
        let sample = sealed
            .get(number_at + SAMPLE_OFFSET..)
            .and_then(|rest| rest.get(..SAMPLE_LEN))
            .ok_or(QuicError::NotInitial)?;
        let mask = keys.mask(sample).map_err(|_| QuicError::Authentication)?;
        let (mut header, mut payload) = split(sealed, number_at, mask)?;
        let number = number(&header[number_at..]);
        let opened =
            keys.open(number, &header, &mut payload).map_err(|_| QuicError::Authentication)?.len();
        payload.truncate(opened);
        // Only now is it known to be what was sent.
        let first = header.first_mut().map_or(0, |first| *first);
        if first & RESERVED != 0 { Err(QuicError::Frame) } else { Ok(payload) }
    }
}

/// The header without its protection, and the rest.
fn split(sealed: &[u8], number_at: usize, mask: [u8; 5]) -> Result<(Vec<u8>, Vec<u8>), QuicError> {
    let [first_mask, number_mask @ ..] = mask;
    let first = sealed.first().ok_or(QuicError::NotInitial)? ^ (first_mask & 0x0f);
    let number_len = usize::from(first & 3) + 1;
    let (header, payload) =
        sealed.split_at_checked(number_at + number_len).ok_or(QuicError::NotInitial)?;
    let (mut header, payload) = (header.to_vec(), payload.to_vec());
    header[0] = first;
    for (byte, mask) in header[number_at..].iter_mut().zip(number_mask) {
        *byte ^= mask;
    }
    Ok((header, payload))
}

/// A client's first packet numbers are small, so what is sent of them is all of them (RFC 9000
/// appendix A.3).
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
