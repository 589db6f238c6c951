//! One way out, with its thread: takes from its queue, tries, and tries again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    command,
    notice::Notice,
    queue::{Queue, Taken},
    webhook::Webhook,
};
use crate::{ledger::incident::Incident, view::metrics};

/// Notices that wait; then the oldest make room.
const ROOM: usize = 256;
/// Tries a notice: with pauses that double from a second on, some eight minutes.
const TRIES: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long a stop waits for a command to be killed: else it would outlive the agent.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Why a notice was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words, without secrets.
    pub reason: String,
    /// When to try again, if at all.
    again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Never,
    Later,
    /// As the other side has asked for.
    After(Duration),
}

impl Failure {
    /// It would fail again.
    pub const fn never(reason: String) -> Self {
        Self { reason, again: Again::Never }
    }

    /// It may pass.
    pub const fn later(reason: String) -> Self {
        Self { reason, again: Again::Later }
    }

    /// It passes in so long, says the other side.
    pub const fn after(reason: String, pause: Duration) -> Self {
        Self { reason, again: Again::After(pause) }
    }

    /// Whether another try makes sense.
    #[cfg(test)]
    pub fn is_worth_a_try(&self) -> bool {
        self.again != Again::Never
    }

    /// How long to wait after the try of that number, from 1 on; `None` to give up.
    fn pause(&self, tries: u32) -> Option<Duration> {
        let doubled = FIRST_PAUSE * 2u32.saturating_pow(tries.saturating_sub(1));
        match self.again {
            _ if tries >= TRIES => None,
            Again::Never => None,
            Again::Later => Some(doubled),
            Again::After(pause) => Some(pause.max(FIRST_PAUSE)),
        }
    }
}

/// Where notices go.
#[derive(Debug)]
pub enum Way {
    /// A program and its arguments, and how long it may take.
    Command(Vec<String>, Duration),
    /// A URL.
    Webhook(Webhook),
}

impl Way {
    /// Its word in logs and figures.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Command(..) => "command",
            Self::Webhook(_) => "webhook",
        }
    }

    /// One try. A command ends with its children as soon as `is_over`.
    pub fn send(&self, notice: &Notice, is_over: &dyn Fn() -> bool) -> Result<(), Failure> {
        match self {
            Self::Command(words, timeout) => command::run(words, notice, *timeout, is_over),
            Self::Webhook(webhook) => webhook.post(notice),
        }
    }
}

/// The loop's end of an outlet.
#[derive(Debug)]
pub struct Outlet {
    word: &'static str,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Queue<Arc<Incident>>,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Outlet {
    /// Starts its thread.
    pub fn start(way: Way, host: String) -> Result<Self> {
        let (sent, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { queue: Queue::new(ROOM), sent, failed });
        let word = way.word();
        let worker = Arc::clone(&shared);
        let serve = move || {
            while let Some(Taken { item, lost }) = worker.queue.take() {
                worker.deliver(&way, &Notice::of(&item, &host, lost));
            }
        };
        let named = thread::Builder::new().name(format!("notify-{word}")).spawn(serve);
        named.with_context(|| format!("cannot start the thread of notify.{word}"))?;
        Ok(Self { word, shared })
    }

    /// Hands an event over. Never waits.
    pub fn push(&self, incident: Arc<Incident>) {
        self.shared.queue.push(incident);
    }

    /// Gives what is under way until `deadline`, and a command a moment to be killed.
    pub fn finish(&self, deadline: Instant) {
        match self.shared.queue.close(deadline) {
            0 => {}
            left => log::warn!("notify.{}: {left} notices are not sent any more", self.word),
        }
        let _is_idle = self.shared.queue.is_idle_within(LAST_MOMENT);
    }

    /// What has become of notices since the start.
    pub fn figures(&self) -> metrics::Outlet {
        let (queued, dropped) = self.shared.queue.figures();
        metrics::Outlet {
            way: self.word,
            sent: self.shared.sent.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            dropped,
            queued,
        }
    }
}

impl Shared {
    fn deliver(&self, way: &Way, notice: &Notice) {
        let word = way.word();
        let is_over = || self.queue.is_closed_within(Duration::ZERO);
        for tries in 1.. {
            let Err(failure) = way.send(notice, &is_over) else {
                self.sent.fetch_add(1, Ordering::Relaxed);
                if tries > 1 {
                    log::info!("notify.{word}: sent after {tries} tries");
                }
                return;
            };
            if is_over() {
                return;
            }
            let Some(pause) = failure.pause(tries) else {
                self.failed.fetch_add(1, Ordering::Relaxed);
                log::warn!("notify.{word}: a notice is given up: {}", failure.reason);
                return;
            };
            if tries == 1 {
                log::warn!("notify.{word}: {}; tried again", failure.reason);
            }
            if self.queue.is_closed_within(pause) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let pauses = |failure: &Failure| -> Vec<_> {
            (1..).map_while(|tries| failure.pause(tries)).map(|it| it.as_secs()).collect()
        };
        let later = Failure::later(String::new());
        assert_eq!(pauses(&later), [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(pauses(&Failure::never(String::new())), [0; 0]);
        let asked = Failure::after(String::new(), Duration::from_secs(30));
        assert_eq!(pauses(&asked), [30; 9]);
        let at_once = Failure::after(String::new(), Duration::ZERO);
        assert_eq!(pauses(&at_once)[0], 1);
    }
}
