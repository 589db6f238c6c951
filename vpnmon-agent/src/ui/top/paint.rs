//! The panel's colours on the screen, and none where none are wanted.

use ratatui::style::{Color, Modifier, Style};

use crate::view::State;

/// How things are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours may be used; bold, dim and reverse are none.
    pub has_color: bool,
}

impl Paint {
    fn colored(self, color: Color) -> Style {
        if self.has_color { Style::new().fg(color) } else { Style::new() }
    }

    /// Of a state.
    pub fn state(self, state: State) -> Style {
        match state {
            State::Ok => self.good(),
            State::Warning => self.colored(Color::Yellow),
            State::Exceeded => self.bad(),
            State::Disabled => self.dim(),
        }
    }

    /// New, or back.
    pub fn good(self) -> Style {
        self.colored(Color::Green)
    }

    /// What needs a look.
    pub fn warning(self) -> Style {
        self.colored(Color::Yellow)
    }

    /// What is wrong.
    pub fn bad(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Rates over time.
    pub fn rate(self) -> Style {
        self.colored(Color::Cyan)
    }

    /// Titles.
    #[expect(clippy::unused_self, reason = "all styles are asked for in one way")]
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What needs no look.
    #[expect(clippy::unused_self, reason = "all styles are asked for in one way")]
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The name under the cursor, the tab that is open.
    #[expect(clippy::unused_self, reason = "all styles are asked for in one way")]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
