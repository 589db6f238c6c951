//! A day that is over: rows of many accounts in one value, which fills a page of the file.

use super::row::{Row, put, take};

/// A page of 4096 bytes, less what redb keeps in it beside one key and one value.
const FULL: usize = 4000;

/// Rows of accounts in the order of their numbers.
#[derive(Debug, Default)]
pub struct Block {
    first: u64,
    last: u64,
    packed: Vec<u8>,
}

impl Block {
    /// Appends a row, or gives it back where the block is full. Numbers go up.
    pub fn push(&mut self, number: u64, row: &Row) -> bool {
        let before = self.packed.len();
        if before == 0 {
            (self.first, self.last) = (number, number);
        }
        put(&mut self.packed, number.wrapping_sub(self.last));
        row.pack(&mut self.packed);
        if before != 0 && self.packed.len() > FULL {
            self.packed.truncate(before);
            return false;
        }
        self.last = number;
        true
    }

    /// Its first account's number and its bytes; `None` where it is empty.
    pub fn parts(&self) -> Option<(u64, &[u8])> {
        (!self.packed.is_empty()).then_some((self.first, self.packed.as_slice()))
    }
}

/// The rows of a block, as far as they can be read.
pub fn rows(first: u64, mut packed: &[u8]) -> impl Iterator<Item = (u64, Row)> {
    let mut number = first;
    std::iter::from_fn(move || {
        if packed.is_empty() {
            return None;
        }
        number = number.wrapping_add(take(&mut packed)?);
        Some((number, Row::unpack(&mut packed)?))
    })
}
