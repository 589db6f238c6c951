//! The loop: whatever comes first becomes an event, and the engine says what to do.

use std::{fs::File, time::Duration};

use anyhow::{Context as _, Result, bail};
use sd_notify::NotifyState;
use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use super::{answer::answer, prepare::Prepared, writer::Writer};
use crate::{
    config::Config,
    control::{
        Answer, Request,
        server::{Asked, Server},
    },
    engine::Engine,
    event::{Claimed, Command, Event, Reading, Stored},
    kernel::{Logs, Meter},
    ledger::store::Store,
    sources::{
        clock::Clock,
        edits::EditWatch,
        sessions::SessionWatch,
        users::{PASSWD, UserWatch},
    },
};

/// Requests that wait for the loop.
const QUEUE: usize = 64;
/// Between two looks at logs and processes.
const SESSIONS: Duration = Duration::from_millis(100);
/// How long a stop waits for the disk: less than systemd waits for the stop.
const LAST_WRITE: Duration = Duration::from_mins(1);

/// All that one agent is.
pub struct Loop {
    meter: Meter,
    logs: Option<Logs>,
    engine: Engine,
    writer: Writer,
    stored: mpsc::Receiver<Stored>,
    asked: mpsc::Receiver<Asked>,
    /// Changes that are made but not yet on disk.
    unkept: Vec<(Answer, oneshot::Sender<Answer>)>,
    clock: Clock,
    users: UserWatch,
    edits: EditWatch,
    sessions: SessionWatch,
    drains: Drains,
    claimed: Vec<Claimed>,
    moved: Vec<Reading>,
    drain_interval: Duration,
    persist_interval: Duration,
    _locks: [File; 2],
}

/// How the drains went: the agent's own account of its cost.
#[derive(Debug, Default)]
struct Drains {
    count: u32,
    total: Duration,
    longest: Duration,
}

impl Loop {
    /// Starts the writer and listens; needs a runtime.
    pub fn new(config: &Config, prepared: Prepared) -> Result<Self> {
        let Prepared { attached, engine, store, clock, users, locks } = prepared;
        let edits = EditWatch::new(&Store::usage_dir(&config.agent.state_dir))?;
        let server = Server::bind(&config.agent.socket)?;
        let (writer, stored) = Writer::start(store)?;
        let (ask, asked) = mpsc::channel(QUEUE);
        // Ends with the runtime, and takes its socket file along.
        tokio::spawn(async move { server.serve(ask).await });
        let adopted = if attached.adopted { "goes on with the maps" } else { "has new maps" };
        log::info!("counting; {adopted} in {}", config.agent.bpffs.display());
        Ok(Self {
            meter: attached.meter,
            logs: attached.logs,
            engine,
            writer,
            stored,
            asked,
            unkept: Vec::new(),
            clock,
            users,
            edits,
            sessions: SessionWatch::new(&config.ssh.auth_log),
            drains: Drains::default(),
            claimed: Vec::new(),
            moved: Vec::new(),
            drain_interval: config.meter.drain_interval,
            persist_interval: config.meter.persist_interval,
            _locks: locks,
        })
    }

    /// Runs until a signal ends it; then drains and writes a last time.
    pub async fn run(mut self) -> Result<()> {
        let mut stop = Stop::new()?;
        self.drain();
        // It took over all that was counted before: part of the start, and no drain like others.
        let Drains { total, .. } = std::mem::take(&mut self.drains);
        log::debug!("first drain: {:.1} us", micros(total));
        notify(&[NotifyState::Ready]);
        let mut drain = ticks(self.drain_interval);
        let mut second = ticks(Duration::from_secs(1));
        let mut sessions = ticks(SESSIONS);
        let mut persist = ticks(self.persist_interval);
        loop {
            select! {
                () = stop.asked() => break,
                _ = drain.tick() => self.drain(),
                _ = second.tick() => self.second(),
                _ = sessions.tick() => self.look_at_sessions(),
                _ = persist.tick() => self.happened(Event::PersistDue),
                Some(stored) = self.stored.recv() => self.stored(stored),
                Some(asked) = self.asked.recv() => self.answer(asked),
            }
        }
        notify(&[NotifyState::Stopping]);
        self.finish().await
    }

    fn drain(&mut self) {
        let started = self.clock.monotonic();
        // First, so that the first bytes of a user made a moment ago find their name.
        self.look_at_users();
        self.meter.drain(&mut self.claimed, &mut self.moved);
        if !self.claimed.is_empty() || !self.moved.is_empty() {
            let now = self.clock.now();
            let event = Event::Drained { claimed: &self.claimed, moved: &self.moved };
            let commands = self.engine.handle(event, now);
            self.carry_out(commands);
        }
        self.drains.add(self.clock.monotonic().saturating_sub(started));
        if let Some(logs) = &mut self.logs {
            logs.flush();
        }
    }

    fn second(&mut self) {
        self.meter.look_at_all();
        let touched = self.edits.touched();
        if !touched.is_empty() {
            self.happened(Event::Touched(touched));
        }
        self.happened(Event::Second);
    }

    fn look_at_sessions(&mut self) {
        let events = self.sessions.poll(self.clock.now());
        if !events.is_empty() {
            self.happened(Event::Sessions(events));
        }
    }

    fn look_at_users(&mut self) {
        match self.users.changed() {
            Ok(Some(users)) => self.happened(Event::Users(users)),
            Ok(None) => {}
            // passwd is replaced by a rename; what cannot be read now can be in a second.
            Err(error) => log::debug!("cannot read {PASSWD}: {error}"),
        }
    }

    fn happened(&mut self, event: Event<'_>) {
        let now = self.clock.now();
        let commands = self.engine.handle(event, now);
        self.carry_out(commands);
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Store(batch) => self.writer.write(batch),
                Command::Warn(text) => log::warn!("{text}"),
            }
        }
    }

    fn answer(&mut self, Asked { request, reply }: Asked) {
        let is_change = !matches!(request, Request::Status { .. });
        if is_change {
            // What has moved up to now belongs to the time before the change.
            self.drain();
        }
        let answer = answer(&mut self.engine, request, self.clock.now());
        if is_change && !self.engine.is_kept() {
            // Not before a crash could no longer undo it.
            self.unkept.push((answer, reply));
            self.happened(Event::PersistDue);
            return;
        }
        // Whoever asked may be gone.
        let _unread = reply.send(answer);
    }

    /// A batch is on disk, or is not; so are the changes that wait for an answer.
    fn stored(&mut self, stored: Stored) {
        let error = stored.error.clone();
        self.happened(Event::Stored(stored));
        if self.unkept.is_empty() {
            return;
        }
        if error.is_none() && !self.engine.is_kept() {
            self.happened(Event::PersistDue);
            return;
        }
        for (answer, reply) in self.unkept.drain(..) {
            let answer = match &error {
                None => answer,
                Some(error) => Answer::Refused {
                    code: 1,
                    message: format!("done, but not on disk yet: {error}; free the disk"),
                },
            };
            let _unread = reply.send(answer);
        }
    }

    /// The last drain, and everything to disk.
    async fn finish(mut self) -> Result<()> {
        self.meter.look_at_all();
        self.drain();
        let Drains { count, longest, .. } = self.drains;
        let (mean, longest) = (micros(self.drains.mean()), micros(longest));
        log::info!("drains: {count}, mean {mean:.1} us, longest {longest:.1} us");
        self.engine.hurry();
        let settled = timeout(LAST_WRITE, async {
            loop {
                self.happened(Event::PersistDue);
                if self.engine.is_settled() {
                    return Ok(());
                }
                let stored = self.stored.recv().await.context("the writer is gone")?;
                let failed = stored.error.clone();
                self.happened(Event::Stored(stored));
                if let Some(error) = failed {
                    bail!("{error}; the kernel keeps the counters: free the disk and start again");
                }
            }
        });
        settled.await.context("the disk takes too long; the kernel keeps the counters")?
    }
}

impl Drains {
    fn add(&mut self, took: Duration) {
        self.count = self.count.saturating_add(1);
        self.total += took;
        self.longest = self.longest.max(took);
    }

    fn mean(&self) -> Duration {
        self.total / self.count.max(1)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Late ticks are left out: a drain reads everything anyway.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Tells systemd, where there is one.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("cannot tell systemd how it goes: {error}");
    }
}

/// The signals that end the agent.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
