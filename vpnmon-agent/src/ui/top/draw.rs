//! The screen as a whole: which line is what.

use ratatui::{buffer::Buffer, text::Line};

use super::{App, Link, account, accounts, head, help, hosts, paint::Paint};
use crate::view::screen::{Screen, Shown};

/// From so many lines on there is room for all of it.
const WHOLE: u16 = 10;
/// From so many lines on there is room for the keys.
const WITH_KEYS: u16 = 5;
const HEAD_LINES: u16 = 3;

impl App {
    /// Lines that rows have, their titles not counted.
    pub(super) fn body_lines(&self) -> usize {
        let lines = self.size.1;
        let around = match lines {
            WHOLE.. => HEAD_LINES + 2 + u16::from(self.is_degraded()),
            WITH_KEYS.. => 2,
            _ => 1,
        };
        usize::from(lines.saturating_sub(around))
    }

    fn is_degraded(&self) -> bool {
        self.screen.as_ref().is_some_and(|screen| !screen.agent.degraded.is_empty())
    }

    /// Draws into all of `buffer`.
    pub fn draw(&self, buffer: &mut Buffer, paint: Paint) {
        let lines = self.lines(paint);
        let area = buffer.area;
        buffer.reset();
        for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
            buffer.set_line(area.left(), y, line, area.width);
        }
    }

    fn lines(&self, paint: Paint) -> Vec<Line<'static>> {
        let height = self.size.1;
        let mut lines = Vec::new();
        let screen = self.shown_screen();
        if let Some(screen) = screen.filter(|_| height >= WHOLE) {
            lines.extend(head::above(self, screen, paint));
        }
        let body = self.body_lines() + 1;
        let from = lines.len();
        lines.extend(self.body(screen, paint, body));
        if matches!(self.link, Link::Down(_)) {
            for line in &mut lines {
                *line = line.clone().patch_style(paint.dim());
            }
        }
        lines.resize(from + body, Line::default());
        if height >= WHOLE
            && let Some(screen) = screen
        {
            lines.extend(head::degraded(self, screen, paint));
        }
        if height >= WITH_KEYS {
            lines.resize(usize::from(height) - 1, Line::default());
            lines.push(head::below(self, paint));
        }
        lines
    }

    fn body(&self, screen: Option<&Screen>, paint: Paint, lines: usize) -> Vec<Line<'static>> {
        if self.has_help {
            return help::lines(paint).into_iter().take(lines).collect();
        }
        // What was shown before is none of this.
        let Some(screen) = screen.filter(|_| self.is_answered()) else { return Vec::new() };
        match (&screen.shown, &self.opened) {
            (Shown::Accounts(rows), _) => accounts::lines(self, rows, paint, lines - 1),
            (Shown::Hosts(rows), _) => hosts::lines(self, rows, paint, lines - 1),
            (Shown::Account { account, hosts }, Some(opened)) => {
                account::lines(self, opened, (account, hosts), paint, lines)
            }
            (Shown::Account { .. }, None) => Vec::new(),
        }
    }
}
