//! A list that is longer than the screen: where it is, and which row has the cursor.

use crate::{model::look::Page, view::screen::Rows};

/// Rows that a frozen list keeps to move about in.
const FROZEN_ROWS: usize = 2000;

/// Order, search, place and cursor.
#[derive(Debug)]
pub struct List<Key> {
    pub sort: Key,
    pub is_reverse: bool,
    pub find: String,
    /// Rows before the first one on the screen.
    pub offset: usize,
    /// Index of the row under the cursor.
    cursor: usize,
    /// Its key, once the cursor was moved: from then on it goes with the row.
    held: Option<String>,
    has_moved: bool,
    matching: usize,
}

/// How far the cursor goes.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl<Key: Copy> List<Key> {
    pub const fn new(sort: Key) -> Self {
        Self {
            sort,
            is_reverse: false,
            find: String::new(),
            offset: 0,
            cursor: 0,
            held: None,
            has_moved: false,
            matching: 0,
        }
    }

    /// The part that `rows` lines show; of a list that is to stand still, much more.
    pub fn page(&self, rows: usize, is_whole: bool) -> Page<Key> {
        let Self { sort, is_reverse, offset, .. } = *self;
        let find = self.find.clone();
        let (offset, rows) = if is_whole {
            (offset.saturating_sub(FROZEN_ROWS / 2), FROZEN_ROWS)
        } else {
            (offset, rows)
        };
        Page { sort, is_reverse, find, offset, rows }
    }

    /// Another order or search: from the first row on.
    pub fn restart(&mut self) {
        (self.offset, self.cursor, self.held, self.has_moved) = (0, 0, None, false);
    }

    /// Moves the cursor, and the list where it leaves the `rows` lines.
    pub fn step(&mut self, step: Step, rows: usize) {
        let last = self.matching.saturating_sub(1);
        self.cursor = match step {
            Step::Up(by) => self.cursor.saturating_sub(by),
            Step::Down(by) => self.cursor.saturating_add(by).min(last),
            Step::First => 0,
            Step::Last => last,
        };
        self.held = None;
        self.has_moved = !matches!(step, Step::First);
        self.fit(rows);
    }

    /// Keeps the cursor on the screen and the screen full.
    pub fn fit(&mut self, rows: usize) {
        self.cursor = self.cursor.min(self.matching.saturating_sub(1));
        let least = (self.cursor + 1).saturating_sub(rows);
        self.offset = self.offset.clamp(least.min(self.cursor), self.cursor);
        self.offset = self.offset.min(self.matching.saturating_sub(rows));
    }

    /// Rows have come: the cursor goes with its row as long as that is among them.
    pub fn follow<Row>(&mut self, shown: &Rows<Row>, rows: usize, key: impl Fn(&Row) -> String) {
        self.matching = shown.matching;
        if self.has_moved {
            let place = |held: &String| shown.rows.iter().position(|row| key(row) == *held);
            match self.held.as_ref().and_then(place) {
                Some(index) => self.cursor = shown.offset + index,
                None => self.held = self.index_in(shown).map(|index| key(&shown.rows[index])),
            }
        }
        self.fit(rows);
    }

    /// Where in the rows the cursor is.
    pub fn index_in<Row>(&self, shown: &Rows<Row>) -> Option<usize> {
        let index = self.cursor.checked_sub(shown.offset)?;
        (index < shown.rows.len()).then_some(index)
    }

    /// The rows for `lines` lines, and whether the cursor is on each.
    pub fn visible<'a, Row>(
        &self,
        shown: &'a Rows<Row>,
        lines: usize,
    ) -> impl Iterator<Item = (bool, &'a Row)> {
        let from = self.offset.saturating_sub(shown.offset);
        let cursor = self.index_in(shown);
        let rows = shown.rows.iter().enumerate().skip(from).take(lines);
        rows.map(move |(index, row)| (Some(index) == cursor, row))
    }
}
