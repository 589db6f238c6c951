//! `top`: the terminal, the agent and signals, each on a thread, and the loop that they tell.

mod feed;
pub mod screen;
mod signals;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use ratatui::crossterm::event::{self, Event};

use self::{feed::Told, screen::FullScreen};
use super::{Failure, Result};
use crate::{
    config::Config,
    control::client::Client,
    model::look::Look,
    ui::top::{App, Asked, Paint},
};

/// An agent that does not answer for so long is not well.
const SILENCE: Duration = Duration::from_secs(3);
/// So long a change waits for the rows that belong to it, rather than show none.
const ROWS: Duration = Duration::from_millis(200);

/// What the loop hears.
enum Message {
    Terminal(Event),
    /// Nobody types any more.
    TerminalGone,
    Agent(Look, Told),
    Signal(Signal),
}

struct Loop {
    app: App,
    screen: FullScreen,
    paint: Paint,
    looks: Sender<Option<Look>>,
    /// What the agent was asked for last.
    asked: Option<Look>,
    answered_at: Instant,
    /// Since when something on the screen is old.
    stale_since: Option<Instant>,
}

/// Shows until a key or a signal ends it.
pub fn top(config: &Config, on_hosts: bool) -> Result<ExitCode> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let message = "top needs a terminal; for a pipe use `vpnmon-agent status --watch`";
        return Err(Failure::usage(message));
    }
    let client = Client::connect(&config.agent.socket)?;
    // Before any thread begins: each has the mask of the one that began it.
    let signals = signals::block()?;
    let (tell, told) = mpsc::channel();
    let (looks, wanted) = mpsc::channel();
    let screen = FullScreen::enter()?;
    feed::start(config.agent.socket.clone(), client, wanted, tell.clone());
    signals::start(signals, tell.clone());
    thread::spawn(move || hear_terminal(&tell));
    let has_color = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let looked = Loop {
        app: App::new(screen.size()?, on_hosts),
        screen,
        paint: Paint { has_color },
        looks,
        asked: None,
        answered_at: Instant::now(),
        stale_since: Some(Instant::now()),
    };
    looked.run(&told)
}

fn hear_terminal(tell: &Sender<Message>) {
    while let Ok(event) = event::read() {
        if tell.send(Message::Terminal(event)).is_err() {
            return;
        }
    }
    let _ended = tell.send(Message::TerminalGone);
}

impl Loop {
    fn run(mut self, told: &Receiver<Message>) -> Result<ExitCode> {
        loop {
            self.ask();
            self.draw()?;
            let patience = if self.stale_since.is_some() { ROWS / 4 } else { SILENCE / 3 };
            let first = match told.recv_timeout(patience) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
            };
            // Whatever else there is comes onto the same picture.
            for message in first.into_iter().chain(told.try_iter()) {
                if let Some(code) = self.hear(message)? {
                    return Ok(code);
                }
            }
            self.watch_silence();
        }
    }

    fn ask(&mut self) {
        let look = self.app.look();
        if look != self.asked {
            self.asked.clone_from(&look);
            // The feed ends with the program only.
            let _ended = self.looks.send(look);
        }
    }

    fn draw(&mut self) -> Result<()> {
        let Some(since) = self.stale_since else { return Ok(()) };
        if self.app.is_answered() || since.elapsed() >= ROWS {
            self.screen.draw(&mut self.app, self.paint)?;
            self.stale_since = None;
        }
        Ok(())
    }

    fn changed(&mut self) {
        self.stale_since.get_or_insert_with(Instant::now);
    }

    /// The exit code, if that was the end.
    fn hear(&mut self, message: Message) -> Result<Option<ExitCode>> {
        match message {
            Message::Terminal(Event::Key(key)) => {
                self.changed();
                match self.app.press(key) {
                    Asked::Nothing => {}
                    Asked::Quit => return Ok(Some(ExitCode::SUCCESS)),
                    Asked::Suspend => self.screen.suspend()?,
                    Asked::Redraw => self.screen.enter_again()?,
                }
            }
            Message::Terminal(_) => self.changed(),
            Message::TerminalGone => return Ok(Some(ExitCode::SUCCESS)),
            Message::Agent(look, told) => self.hear_agent(&look, told),
            Message::Signal(Signal::SIGTSTP) => {
                self.screen.suspend()?;
                self.changed();
            }
            Message::Signal(Signal::SIGCONT) => {
                self.screen.enter_again()?;
                self.changed();
            }
            Message::Signal(signal) => return Ok(Some(signals::exit_code(signal))),
        }
        Ok(None)
    }

    fn hear_agent(&mut self, look: &Look, told: Told) {
        self.answered_at = Instant::now();
        let is_change = match told {
            Told::Screen(screen) => self.app.answered(look, *screen),
            Told::Refused(why) => {
                self.app.refused(&why);
                true
            }
            Told::Gone(why) => {
                self.app.lost(why);
                true
            }
        };
        if is_change {
            self.changed();
        }
    }

    fn watch_silence(&mut self) {
        if self.asked.is_some() && self.answered_at.elapsed() >= SILENCE {
            self.app.lost("the agent does not answer; look into its log".to_owned());
            self.changed();
        }
    }
}
