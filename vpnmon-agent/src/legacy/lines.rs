//! Lines of a text that anybody may have written: each is taken or reported.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    path::Path,
};

use super::{Skipped, field};

/// Reports of one file; a file of garbage would make millions.
pub const MAX_REFUSED: usize = 1000;

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// From 1.
    pub line: usize,
    /// Why, in words; text from the file is escaped.
    pub why: String,
}

impl Refused {
    pub fn in_file(&self, file: &Path) -> Skipped {
        Skipped { file: file.to_owned(), line: self.line, why: self.why.clone() }
    }
}

/// What a file says, and which of its lines could not be understood.
#[derive(Debug)]
pub struct Parsed<T> {
    /// With the number of its line.
    pub taken: Vec<(usize, T)>,
    /// The first [`MAX_REFUSED`], and one that counts the others.
    pub refused: Vec<Refused>,
    /// First words of refused lines: whom something is said of that is not known.
    pub unread: HashSet<String>,
    /// Whether the file is there and could not be read.
    pub is_unreadable: bool,
    refused_count: usize,
}

impl<T> Default for Parsed<T> {
    fn default() -> Self {
        let (taken, refused, unread) = (Vec::new(), Vec::new(), HashSet::new());
        Self { taken, refused, unread, is_unreadable: false, refused_count: 0 }
    }
}

impl<T> Parsed<T> {
    /// A file that is there and could not be read: what it says is unknown, not nothing.
    pub fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::default() }
    }

    /// Reads each line with `read`, which says why it does not take one.
    pub fn each(bytes: &[u8], read: impl Fn(&str) -> Result<T, String>) -> Self {
        let mut parsed = Self::default();
        for (line, text) in numbered(bytes).filter(|(_, text)| !text.starts_with(b"#")) {
            match utf8(text).and_then(&read) {
                Ok(value) => parsed.taken.push((line, value)),
                Err(why) => {
                    let first = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                    parsed.unread.extend(utf8(first).ok().and_then(|word| field::name(word).ok()));
                    parsed.refuse(line, why);
                }
            }
        }
        parsed
    }

    /// Of several lines about the same the last one stands, as the panel appended.
    pub fn last_wins<K: Hash + Eq>(mut self, key: impl Fn(&T) -> K) -> Self {
        let mut last = HashMap::new();
        for (line, value) in &self.taken {
            last.insert(key(value), *line);
        }
        for (line, value) in std::mem::take(&mut self.taken) {
            match last.get(&key(&value)) {
                Some(later) if *later != line => {
                    self.refuse(line, format!("line {later} says it again, and stands"));
                }
                _ => self.taken.push((line, value)),
            }
        }
        self
    }

    /// Reports a line.
    pub fn refuse(&mut self, line: usize, why: String) {
        self.refused_count += 1;
        match self.refused_count.checked_sub(MAX_REFUSED) {
            None | Some(0) => self.refused.push(Refused { line, why }),
            Some(more) => {
                self.refused.truncate(MAX_REFUSED);
                let why = format!("{more} more lines are not understood");
                self.refused.push(Refused { line: 0, why });
            }
        }
    }

    /// How many lines were refused; [`Parsed::refused`] may show fewer.
    pub fn refused_count(&self) -> usize {
        self.refused_count
    }
}

/// Lines that are not blank, without the blanks around them, numbered from 1.
pub fn numbered(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let lines = bytes.strip_prefix(BOM).unwrap_or(bytes).split(|byte| *byte == b'\n');
    let lines = lines.enumerate().map(|(index, line)| (index + 1, line.trim_ascii()));
    lines.filter(|(_, line)| !line.is_empty())
}

/// The text of a line.
pub fn utf8(line: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(line).map_err(|error| {
        format!("is no UTF-8 (byte {} of the line)", error.valid_up_to().saturating_add(1))
    })
}
