//! Columns that depend on the width of the terminal alone, so that none jumps as numbers change.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::paint::Paint;
use crate::{escape::fitted, ui::table::padded};

/// Between two columns.
const GAP: usize = 2;

/// A column; the first of a sheet has the room that the others leave.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    /// At least.
    pub width: usize,
    /// What it takes of the room that is left over, at most.
    pub more: usize,
    pub is_number: bool,
    /// The larger it is, the earlier it goes where it is too narrow.
    pub rank: u8,
}

impl Column {
    pub const fn text(title: &'static str, width: usize, more: usize, rank: u8) -> Self {
        Self { title, width, more, is_number: false, rank }
    }

    pub const fn number(title: &'static str, width: usize, rank: u8) -> Self {
        Self { title, width, more: 0, is_number: true, rank }
    }
}

/// The columns of a terminal; `None` are those that it is too narrow for.
#[derive(Debug)]
pub struct Sheet<'a> {
    columns: &'a [Column],
    widths: Vec<Option<usize>>,
}

impl<'a> Sheet<'a> {
    /// As many as fit in `width`.
    pub fn fitted(columns: &'a [Column], width: usize) -> Self {
        let mut widths: Vec<_> = columns.iter().map(|column| Some(column.width)).collect();
        let taken = |widths: &[Option<usize>]| -> usize {
            widths.iter().flatten().map(|columns| columns + GAP).sum::<usize>().saturating_sub(GAP)
        };
        while taken(&widths) > width {
            let shown = (1..columns.len()).filter(|index| widths[*index].is_some());
            let Some(least) = shown.max_by_key(|index| columns[*index].rank) else { break };
            widths[least] = None;
        }
        let mut room = width.saturating_sub(taken(&widths));
        for (column, width) in columns.iter().zip(&mut widths) {
            let more = column.more.min(room);
            if let Some(width) = width.as_mut() {
                *width += more;
                room -= more;
            }
        }
        if let Some(Some(first)) = widths.first_mut() {
            *first = (*first).min(width);
        }
        Self { columns, widths }
    }

    /// Columns of the terminal that a column has; 0 where it is not shown.
    pub fn width(&self, index: usize) -> usize {
        self.widths[index].unwrap_or_default()
    }

    /// The titles; that of the column that the rows are sorted by is underlined.
    pub fn titles(&self, paint: Paint, sorted: Option<usize>) -> Line<'static> {
        let cells = self.columns.iter().enumerate().map(|(index, column)| {
            let underlined =
                if Some(index) == sorted { Modifier::UNDERLINED } else { Modifier::empty() };
            (column.title.to_owned(), paint.title().add_modifier(underlined))
        });
        self.line(cells)
    }

    /// A row; a text is escaped and cut to its column.
    pub fn line(&self, cells: impl Iterator<Item = (String, Style)>) -> Line<'static> {
        let shown = cells
            .zip(self.columns)
            .zip(&self.widths)
            .filter_map(|((cell, column), width)| Some((cell, column.is_number, (*width)?)));
        let mut spans = Vec::new();
        for ((text, style), is_number, width) in shown {
            if !spans.is_empty() {
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            let text = fitted(&text, width);
            let blank = " ".repeat(width.saturating_sub(crate::escape::width(&text)));
            // A title's underline ends with it.
            if is_number {
                spans.extend([Span::raw(blank), Span::styled(text, style)]);
            } else {
                spans.extend([Span::styled(text, style), Span::raw(blank)]);
            }
        }
        Line::from(spans)
    }
}

/// The row under the cursor: its first column is marked, and no other, so that bars and states keep
/// their colours.
pub fn marked(mut line: Line<'static>, paint: Paint) -> Line<'static> {
    const TEXT_AND_BLANK: usize = 2;
    for span in line.spans.iter_mut().take(TEXT_AND_BLANK) {
        span.style = span.style.patch(paint.selected());
    }
    line
}

/// `left` and `right` in `width` columns; what does not fit of the left one is cut.
pub fn apart(left: Vec<Span<'static>>, right: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let columns = |spans: &[Span<'_>]| -> usize { spans.iter().map(Span::width).sum() };
    let room = width.saturating_sub(columns(&right));
    if columns(&left) > room.saturating_sub(1) {
        // The left one says more.
        return Line::from(left);
    }
    let blank = padded("", room - columns(&left), false);
    Line::from([left, vec![Span::raw(blank)], right].concat())
}
