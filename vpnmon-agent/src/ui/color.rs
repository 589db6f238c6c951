//! The panel's colours.

use anstyle::{AnsiColor, Style};

use crate::view::State;

/// Titles.
pub const BOLD: Style = Style::new().bold();
/// What needs no look.
pub const DIM: Style = Style::new().dimmed();
/// What needs one.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The style of a state.
#[must_use]
pub const fn of(state: State) -> Style {
    match state {
        State::Ok => AnsiColor::Green.on_default(),
        State::Warning => YELLOW,
        State::Exceeded => AnsiColor::Red.on_default(),
        State::Disabled => DIM,
    }
}

/// `text` in `style`, and then back to none.
#[must_use]
pub fn painted(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}
