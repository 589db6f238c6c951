//! The terminal as a whole screen, and as it was before.

use std::{
    io::{self, Stdout},
    panic, process,
    sync::Once,
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        execute,
        terminal::{
            Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
            enable_raw_mode,
        },
    },
};

use super::signals;
use crate::ui::top::{App, Paint};

/// What a program ends with that has panicked.
const PANICKED: i32 = 101;

/// As long as it lives the terminal is ours; whatever ends it leaves the terminal as it was.
pub struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl FullScreen {
    /// Takes the terminal.
    pub fn enter() -> io::Result<Self> {
        leave_on_panic();
        // Dropped where the next step fails.
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(io::stdout()))? };
        enter()?;
        Ok(screen)
    }

    /// Columns and lines.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed.
    pub fn draw(&mut self, app: &mut App, paint: Paint) -> io::Result<()> {
        self.terminal.autoresize()?;
        app.resize(self.size()?);
        self.terminal.draw(|frame| app.draw(frame.buffer_mut(), paint))?;
        Ok(())
    }

    /// Gives the terminal to the shell, until that gives it back.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        signals::stop()?;
        self.enter_again()
    }

    /// Somebody else may have had the terminal: all is drawn anew.
    pub fn enter_again(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        enter()?;
        // `Terminal::clear` would ask the terminal where the cursor is, and the thread that reads
        // the keys would get the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Hide)
}

/// What fails here fails because there is no terminal any more.
fn leave() {
    // Cleared: tmux 3.3 leaves parts of a screen that was made larger on the one it goes back to.
    let _gone = execute!(io::stdout(), Clear(ClearType::All), LeaveAlternateScreen, Show);
    let _gone = disable_raw_mode();
}

/// A panic on any thread ends the program, in words that stay on the terminal.
fn leave_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
            process::exit(PANICKED);
        }));
    });
}
