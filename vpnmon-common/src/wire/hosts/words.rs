//! The words of HTTP that matter here, recognised a byte at a time.
//!
//! A set of candidates, a bit a word, that each byte narrows: one table look-up, the same
//! instructions for every word.

/// Words, a bit each.
pub(super) type Words = u16;

pub(super) const HOST: Words = 1 << 0;
pub(super) const FORWARDED_HOST: Words = 1 << 1;
pub(super) const REAL_HOST: Words = 1 << 2;
pub(super) const FORWARDED_FOR: Words = 1 << 3;
pub(super) const REAL_IP: Words = 1 << 4;
pub(super) const CONTENT_LENGTH: Words = 1 << 5;
pub(super) const TRANSFER_ENCODING: Words = 1 << 6;
pub(super) const CONNECT: Words = 1 << 7;
pub(super) const PROXY: Words = 1 << 8;

/// What a header line can be called.
pub(super) const HEADERS: Words = CONNECT - 1;
/// What a line can begin with in place of another method.
pub(super) const METHODS: Words = CONNECT | PROXY;

const SPELLED: [&[u8]; 9] = [
    b"host",
    b"x-forwarded-host",
    b"x-real-host",
    b"x-forwarded-for",
    b"x-real-ip",
    b"content-length",
    b"transfer-encoding",
    b"connect",
    b"proxy",
];

const COLUMNS: usize = 17;
/// 0 for `-`, 1 to 26 for letters.
const CLASSES: usize = 32;

/// Which words have a letter in a column.
static LETTERS: [[Words; CLASSES]; COLUMNS] = letters();
/// Which words have so many letters.
static LENGTHS: [Words; COLUMNS + 1] = lengths();

const fn letters() -> [[Words; CLASSES]; COLUMNS] {
    let mut table = [[0; CLASSES]; COLUMNS];
    let mut word = 0;
    while word < SPELLED.len() {
        let mut column = 0;
        while column < SPELLED[word].len() {
            table[column][class(SPELLED[word][column]) as usize] |= 1 << word;
            column += 1;
        }
        word += 1;
    }
    table
}

const fn lengths() -> [Words; COLUMNS + 1] {
    let mut table = [0; COLUMNS + 1];
    let mut word = 0;
    while word < SPELLED.len() {
        table[SPELLED[word].len()] |= 1 << word;
        word += 1;
    }
    table
}

const NO_CLASS: u8 = 31;

#[inline(always)]
const fn class(byte: u8) -> u8 {
    match byte {
        b'-' => 0,
        // Both cases: header names have none (RFC 9110 section 5.1).
        b'a'..=b'z' | b'A'..=b'Z' => byte & 31,
        _ => NO_CLASS,
    }
}

/// Those of `candidates` that have `byte` at `column`.
#[inline(always)]
pub(super) fn narrowed(candidates: Words, column: u8, byte: u8) -> Words {
    let Some(row) = LETTERS.get(usize::from(column)) else { return 0 };
    let class = usize::from(class(byte));
    candidates & row.get(class).copied().unwrap_or(0)
}

/// The one of `candidates` that is `len` bytes long; 0 for none.
#[inline(always)]
pub(super) fn spelled(candidates: Words, len: u8) -> Words {
    candidates & LENGTHS.get(usize::from(len)).copied().unwrap_or(0)
}
