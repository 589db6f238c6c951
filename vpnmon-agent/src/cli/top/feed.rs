//! Asks the agent for what is shown, again and again, and finds it again when it was away.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use super::Message;
use crate::{
    control::{Answer, Request, client::Client, client::NoAgent},
    model::look::Look,
    view::screen::Screen,
};

/// Between two questions: as often as an eye sees a difference. The rows are those of the last
/// drain.
const PAUSE: Duration = Duration::from_millis(100);
/// An agent with very many accounts is left alone for so many times what its answer took.
const REST: u32 = 20;
/// Before an agent that is away is looked for again.
const AWAY: Duration = Duration::from_millis(500);

/// What the agent says.
pub enum Told {
    Screen(Box<Screen>),
    /// Such as that the account is no more.
    Refused(String),
    /// There is none, for this reason.
    Gone(String),
}

/// Begins; ends when nobody wants to hear it.
pub fn start(
    socket: PathBuf,
    client: Client,
    wanted: Receiver<Option<Look>>,
    tell: Sender<Message>,
) {
    thread::spawn(move || {
        let mut client = Some(client);
        let mut look = None;
        let mut pause = Duration::ZERO;
        while let Some(next) = next(&wanted, look, pause) {
            let asked_at = Instant::now();
            let told = ask(&mut client, &socket, &next);
            pause = match told {
                Told::Screen(_) => PAUSE.max(asked_at.elapsed() * REST),
                Told::Refused(_) | Told::Gone(_) => AWAY,
            };
            if tell.send(Message::Agent(next.clone(), told)).is_err() {
                return;
            }
            look = Some(next);
        }
    });
}

/// What is to be asked next: at once where that is something else, else after the pause.
fn next(wanted: &Receiver<Option<Look>>, look: Option<Look>, pause: Duration) -> Option<Look> {
    let mut look = look;
    let until = Instant::now() + pause;
    loop {
        let news = match &look {
            None => wanted.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => wanted.recv_timeout(until.saturating_duration_since(Instant::now())),
        };
        match news {
            Ok(news) => {
                // Only the last of several counts.
                look = wanted.try_iter().last().unwrap_or(news);
                if look.is_some() {
                    return look;
                }
            }
            Err(RecvTimeoutError::Timeout) => return look,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn ask(client: &mut Option<Client>, socket: &Path, look: &Look) -> Told {
    match try_ask(client, socket, look) {
        Ok(Answer::Screen(screen)) => Told::Screen(screen),
        Ok(Answer::Refused { message, .. }) => Told::Refused(message),
        Ok(_) => Told::Refused("the agent answered something else".to_owned()),
        Err(error) => {
            *client = None;
            Told::Gone(error.to_string())
        }
    }
}

fn try_ask(client: &mut Option<Client>, socket: &Path, look: &Look) -> Result<Answer, NoAgent> {
    let connected = match client.take() {
        Some(client) => client,
        None => Client::connect(socket)?,
    };
    client.insert(connected).ask(&Request::Look(look.clone()))
}
