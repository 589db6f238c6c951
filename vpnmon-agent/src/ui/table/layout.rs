//! Which columns there is room for, and how wide each is.

use super::{
    columns::{
        Column::{self, Down, Left, Limit, Service, Today, Total, Up},
        Form,
    },
    padded,
};
use crate::{
    escape::{escaped, fitted, width},
    view::Account,
};

/// Between two columns.
const GAP: usize = 2;
/// A longer name does not make the other columns narrower.
const WANTED_ACCOUNT: usize = 24;
/// A shorter one would tell nobody apart.
const LEAST_ACCOUNT: usize = 8;

const ALL: [Column; 9] =
    [Column::Account, Service, Today, Total, Limit, Left, Up, Down, Column::State];

/// What goes first where it is too narrow. Limit before rates: left and state tell most of it.
const LEAST_FIRST: [Column; 8] = [Today, Service, Limit, Up, Down, Left, Total, Column::State];

/// The columns shown and their widths.
pub struct Layout {
    form: Form,
    columns: Vec<(Column, usize)>,
}

impl Layout {
    /// The most that fits in `width`. Numbers keep their columns as they change, for live views.
    pub fn fitted(accounts: &[Account], width: usize) -> Self {
        let name = widest(accounts, Column::Account, Form::Wide);
        let service = widest(accounts, Service, Form::Wide);
        let wide = Self::of(Form::Wide, service);
        if wide.rest() + name.min(WANTED_ACCOUNT) <= width {
            let room = width - wide.rest();
            return wide.with_account(name.min(room));
        }
        let mut narrow = Self::of(Form::Narrow, service);
        for column in LEAST_FIRST {
            if narrow.rest() + name.min(LEAST_ACCOUNT) <= width {
                break;
            }
            narrow.columns.retain(|(kept, _)| *kept != column);
        }
        let room = width.saturating_sub(narrow.rest());
        narrow.with_account(name.min(room))
    }

    /// Everything, as wide as it is.
    pub fn whole(accounts: &[Account]) -> Self {
        let form = Form::Plain;
        let columns = ALL.map(|column| (column, widest(accounts, column, form)));
        Self { form, columns: columns.into() }
    }

    fn of(form: Form, service: usize) -> Self {
        let columns = ALL.map(|column| (column, column.columns(form, service)));
        Self { form, columns: columns.into() }
    }

    fn with_account(mut self, columns: usize) -> Self {
        for (column, width) in &mut self.columns {
            if *column == Column::Account {
                *width = columns;
            }
        }
        self
    }

    /// Columns that everything but the account's name takes.
    fn rest(&self) -> usize {
        self.columns.iter().skip(1).map(|(_, columns)| GAP + columns).sum()
    }

    /// Whether the state is shown.
    pub fn has_state(&self) -> bool {
        self.columns.iter().any(|(column, _)| *column == Column::State)
    }

    /// The titles, padded.
    pub fn titles(&self) -> Vec<String> {
        self.cells(|column| column.title(self.form).into())
    }

    /// One account's cells, padded.
    pub fn row(&self, account: &Account) -> Vec<String> {
        self.cells(|column| column.cell(account, self.form))
    }

    fn cells(&self, text: impl Fn(Column) -> String) -> Vec<String> {
        let cell = |(column, columns): &(Column, usize)| {
            padded(&fitted(&text(*column), *columns), *columns, column.is_number())
        };
        self.columns.iter().map(cell).collect()
    }
}

fn widest(accounts: &[Account], column: Column, form: Form) -> usize {
    let cells = accounts.iter().map(|account| width(&escaped(&column.cell(account, form))));
    cells.max().unwrap_or_default().max(width(column.title(form)))
}
