//! One day of one account: 24 hours, of which most are usually empty.

use crate::model::Bytes;

/// Hours of a day on the wall.
pub const HOURS: usize = 24;

/// Bytes by hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row(pub [Bytes; HOURS]);

impl Row {
    /// Adds what was moved in an hour.
    pub fn add(&mut self, hour: usize, bytes: Bytes) {
        if let Some(sum) = self.0.get_mut(hour) {
            *sum = plus(*sum, bytes);
        }
    }

    /// Adds another day's hours to these.
    pub fn add_all(&mut self, other: &Self) {
        for (sum, bytes) in self.0.iter_mut().zip(other.0) {
            *sum = plus(*sum, bytes);
        }
    }

    /// All hours together.
    pub fn sum(&self) -> Bytes {
        self.0.iter().copied().fold(Bytes::default(), plus)
    }

    /// Appends the row: a bit for each hour that is not empty, then both counts of each.
    pub fn pack(&self, into: &mut Vec<u8>) {
        let used = |bytes: &Bytes| *bytes != Bytes::default();
        let bits = self.0.iter().enumerate().filter(|(_, bytes)| used(bytes));
        let mask = bits.fold(0_u32, |mask, (hour, _)| mask | 1 << hour);
        into.extend_from_slice(&mask.to_le_bytes()[..3]);
        for bytes in self.0.iter().filter(|bytes| used(bytes)) {
            put(into, bytes.uplink);
            put(into, bytes.downlink);
        }
    }

    /// Takes a row off the front of `packed`; `None` where it is none.
    pub fn unpack(packed: &mut &[u8]) -> Option<Self> {
        let (mask, rest) = packed.split_at_checked(3)?;
        *packed = rest;
        let mask = u32::from_le_bytes([mask[0], mask[1], mask[2], 0]);
        let mut row = Self::default();
        for (hour, bytes) in row.0.iter_mut().enumerate() {
            if mask >> hour & 1 == 1 {
                *bytes = Bytes { uplink: take(packed)?, downlink: take(packed)? };
            }
        }
        Some(row)
    }
}

/// The sum of both.
pub const fn plus(left: Bytes, right: Bytes) -> Bytes {
    Bytes {
        uplink: left.uplink.saturating_add(right.uplink),
        downlink: left.downlink.saturating_add(right.downlink),
    }
}

/// Appends a number, seven bits a byte, the lowest first (LEB128).
pub fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Takes a number off the front; `None` where there is none, or none of 64 bits.
pub fn take(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = packed.split_first()?;
        *packed = rest;
        let bits = u64::from(byte & 0x7f);
        if bits.leading_zeros() < shift {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
