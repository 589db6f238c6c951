//! What a screen asks for: the part of a long list that it shows.

use serde::{Deserialize, Serialize};

use super::order::{HostSort, SortKey};

/// What a screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Look {
    /// Accounts.
    Accounts(Page<SortKey>),
    /// Hosts.
    Hosts(Page<HostSort>),
    /// One account and the hosts it has been to, the latest first.
    Account {
        /// `name` or `service:name`.
        account: String,
        /// At most so many hosts.
        hosts: usize,
    },
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page<Key> {
    /// Its order.
    pub sort: Key,
    /// The other way round.
    pub is_reverse: bool,
    /// Only rows with this in one of their words, in capitals or not.
    pub find: String,
    /// Rows before the first one wanted.
    pub offset: usize,
    /// At most so many rows.
    pub rows: usize,
}

/// More than a screen has lines; no request makes the loop build more rows than that.
const MAX_ROWS: usize = 2000;

impl<Key> Page<Key> {
    /// Whether one of a row's words has what is looked for.
    pub fn wants(&self, words: &[&str]) -> bool {
        self.find.is_empty() || words.iter().any(|word| has(word, &self.find))
    }

    /// The part of `rows` that is wanted, in the order of `before`; the rest is not sorted.
    pub fn cut<Row>(
        &self,
        mut rows: Vec<Row>,
        before: impl Fn(&Row, &Row) -> std::cmp::Ordering,
    ) -> Vec<Row> {
        let order = |a: &Row, b: &Row| if self.is_reverse { before(b, a) } else { before(a, b) };
        let offset = self.offset.min(rows.len());
        let end = offset.saturating_add(self.rows.min(MAX_ROWS)).min(rows.len());
        if offset == end {
            return Vec::new();
        }
        if end < rows.len() {
            rows.select_nth_unstable_by(end, order);
            rows.truncate(end);
        }
        rows.sort_unstable_by(order);
        rows.split_off(offset)
    }
}

/// Whether `text` holds `find`, ASCII letters in capitals or not.
fn has(text: &str, find: &str) -> bool {
    let (text, find) = (text.as_bytes(), find.as_bytes());
    text.windows(find.len().max(1)).any(|part| part.eq_ignore_ascii_case(find))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(offset: usize, rows: usize, is_reverse: bool) -> Page<()> {
        Page { is_reverse, offset, rows, ..Page::default() }
    }

    #[test]
    fn a_part_is_what_the_whole_has_there() {
        let all: Vec<u32> = (0..100).map(|number| number * 37 % 100).collect();
        for (offset, rows, is_reverse) in
            [(0, 10, false), (95, 10, false), (0, 1000, true), (30, 5, true), (100, 5, false)]
        {
            let mut whole: Vec<u32> = (0..100).collect();
            if is_reverse {
                whole.reverse();
            }
            let expected: Vec<_> = whole.into_iter().skip(offset).take(rows).collect();
            assert_eq!(page(offset, rows, is_reverse).cut(all.clone(), Ord::cmp), expected);
        }
        assert_eq!(page(usize::MAX, usize::MAX, false).cut(all, Ord::cmp), Vec::<u32>::new());
    }

    #[test]
    fn words_are_found_in_capitals_or_not() {
        for (find, words, expected) in [
            ("", &["bob"][..], true),
            ("BO", &["ssh", "bob"], true),
            ("bobby", &["bob"], false),
            ("é", &["josé"], true),
            ("x", &[""], false),
        ] {
            let page = Page { find: find.to_owned(), ..page(0, 1, false) };
            assert_eq!(page.wants(words), expected, "{find} {words:?}");
        }
    }
}
