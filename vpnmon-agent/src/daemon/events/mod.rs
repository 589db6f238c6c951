//! The loop: whatever comes first becomes an event, and the engine says what to do.

mod changes;
mod drains;
mod limits;
mod looks;
mod marks;
mod outlook;
mod signals;

use std::{fs::File, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use sd_notify::NotifyState;
use tokio::{
    select,
    sync::{mpsc, oneshot},
    time::timeout,
};

use vpnmon_common::{flow::Flow, limit::Limit};

use self::{
    drains::{Drains, micros},
    outlook::Outlook,
    signals::{Stop, notify, ticks},
};
use super::{
    enforcer::Enforcing, prepare::Prepared, surroundings::Surroundings, tagging::Tagging,
    writer::Writer,
};
use crate::{
    config::Config,
    control::{
        Answer,
        server::{Asked, Server},
        watch::Hub,
    },
    engine::Engine,
    event::{Claimed, Command, Counter, Event, FlowMoved, Heard, Reading, Stored},
    history::{History, Reader},
    kernel::{Flows, Hosts, Interfaces, Limits, Logs, Meter, Unheard},
    ledger::store::Store,
    order::{Report, Standing},
    sources::{
        admins::AdminWatch,
        clock::Clock,
        edits::EditWatch,
        own_names::OwnNameWatch,
        sessions::SessionWatch,
        users::UserWatch,
        xray::{News, Order, XraySource},
    },
};

/// Requests that wait for the loop.
const QUEUE: usize = 64;
/// Between two looks at logs and processes.
const SESSIONS: Duration = Duration::from_millis(100);
/// Between two looks at flows.
const FLOWS: Duration = Duration::from_millis(100);
/// How long a stop waits for the disk: less than systemd waits for the stop.
const LAST_WRITE: Duration = Duration::from_mins(1);

/// All that one agent is.
pub struct Loop {
    pub(super) meter: Meter,
    tagging: Tagging,
    limits: Limits,
    /// Limits that the kernel could not be told of.
    untold_limits: Vec<(Counter, Option<Limit>)>,
    /// Marks that it could not be told of.
    untold_marks: Vec<Command>,
    hosts: Hosts,
    heard: Vec<Heard>,
    unheard: Unheard,
    flows: Flows,
    flows_moved: Vec<FlowMoved>,
    flows_over: Vec<Flow>,
    flows_looked_at: Option<Duration>,
    pub(super) interfaces: Interfaces,
    pub(super) surroundings: Surroundings,
    /// What they had carried for this machine at the last drain.
    pub(super) local_bytes: u64,
    logs: Option<Logs>,
    engine: Engine,
    writer: Writer,
    history: Option<Reader>,
    stored: mpsc::Receiver<Stored>,
    enforcing: Enforcing,
    reports: mpsc::Receiver<Report>,
    server: Arc<Server>,
    /// Changes that are made but not yet on disk.
    unkept: Vec<(Answer, oneshot::Sender<Answer>)>,
    clock: Clock,
    users: UserWatch,
    admins: AdminWatch,
    /// What the enforcer has begun with in an earlier run; until it was told to go on.
    standing: Vec<Standing>,
    edits: EditWatch,
    own_names: OwnNameWatch,
    hub: Hub,
    sessions: SessionWatch,
    xray: Option<XraySource>,
    outlook: Outlook,
    drains: Drains,
    pub(super) claimed: Vec<Claimed>,
    moved: Vec<Reading>,
    drain_interval: Duration,
    persist_interval: Duration,
    _locks: [File; 2],
}

impl Loop {
    /// Starts the writer; needs a runtime.
    pub fn new(config: &Config, prepared: Prepared) -> Result<Self> {
        let Prepared { attached, engine, store, history, mut clock, users, surroundings, locks } =
            prepared;
        let edits = EditWatch::new(&Store::usage_dir(&config.agent.state_dir))?;
        let server = Arc::new(Server::bind(&config.agent.socket)?);
        let reader = history.as_ref().map(History::reader);
        let (writer, stored) = Writer::start(store, history)?;
        let started = Enforcing::start(config, clock.now().unix_seconds)?;
        let (enforcing, reports) = (started.enforcing, started.reports);
        let adopted = if attached.adopted { "goes on with the maps" } else { "has new maps" };
        log::info!("counting; {adopted} in {}", config.agent.bpffs.display());
        Ok(Self {
            meter: attached.meter,
            tagging: Tagging::new(attached.tags, clock.monotonic()),
            limits: attached.limits,
            untold_limits: Vec::new(),
            untold_marks: Vec::new(),
            hosts: attached.hosts,
            heard: Vec::new(),
            unheard: Unheard::default(),
            flows: attached.flows,
            flows_moved: Vec::new(),
            flows_over: Vec::new(),
            flows_looked_at: None,
            interfaces: attached.interfaces,
            surroundings,
            local_bytes: 0,
            logs: attached.logs,
            engine,
            writer,
            history: reader,
            stored,
            enforcing,
            reports,
            standing: started.standing,
            server,
            unkept: Vec::new(),
            clock,
            users,
            admins: AdminWatch::default(),
            edits,
            own_names: OwnNameWatch::default(),
            hub: Hub::default(),
            sessions: SessionWatch::new(&config.ssh.auth_log),
            xray: XraySource::start(config)?,
            outlook: Outlook::start(config)?,
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
        self.look_at_own_names();
        self.hosts.set_on(self.engine.captures());
        self.drain();
        self.arm();
        // It took over all that was counted before: part of the start, and no drain like others.
        let Drains { total, .. } = std::mem::take(&mut self.drains);
        log::debug!("first drain: {:.1} us", micros(total));
        // Whoever comes to a server that is there finds it known.
        self.look_at_sessions();
        self.look_at_admins();
        let standing = std::mem::take(&mut self.standing);
        self.happened(Event::Standing(standing));
        let mut asked = self.listen()?;
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
                _ = sessions.tick() => {
                    self.look_at_sessions();
                    self.look_at_network();
                }
                _ = persist.tick() => self.happened(Event::PersistDue),
                Some(stored) = self.stored.recv() => self.stored(stored),
                Some(report) = self.reports.recv() => {
                    // Who is gone is gone from passwd first.
                    self.look_at_users();
                    self.happened(Event::Enforced(report));
                }
                Some(asked) = asked.recv() => self.answer(asked),
                Some(wanted) = self.outlook.scrapes.recv() => self.measure(wanted),
                news = news(&mut self.xray) => self.hear(news),
            }
        }
        notify(&[NotifyState::Stopping]);
        Box::pin(self.finish()).await
    }

    /// From here on whoever finds the socket finds an agent that sees everything.
    fn listen(&self) -> Result<mpsc::Receiver<Asked>> {
        self.server.appear()?;
        let (ask, asked) = mpsc::channel(QUEUE);
        let (server, hub) = (Arc::clone(&self.server), self.hub.clone());
        tokio::spawn(async move { server.serve(ask, hub).await });
        Ok(asked)
    }

    fn drain(&mut self) {
        let started = self.clock.monotonic();
        // First, so that the first bytes of a user made a moment ago find their name.
        self.look_at_users();
        let is_waited = self.tagging.is_waited(self.meter.waits(), self.clock.monotonic());
        if is_waited || self.sessions.looks_back() {
            self.look_at_sessions();
        }
        self.note_local_bytes();
        // What flows have moved is read before the accounts, so that no host has more than they have;
        // whose slots are whose is told first all the same, for a user's first word to have a user.
        self.hosts.drain(&mut self.heard);
        let is_due = |last| started.saturating_sub(last) >= FLOWS;
        let flows_are_due = self.flows_looked_at.is_none_or(is_due);
        if flows_are_due {
            self.flows_looked_at = Some(started);
            self.flows.drain(started, &mut self.flows_moved, &mut self.flows_over);
        }
        self.meter.drain(&mut self.claimed, &mut self.moved);
        self.tagging.note_unmarked(&self.claimed);
        self.meet_clients();
        if !self.claimed.is_empty() || !self.moved.is_empty() {
            let now = self.clock.now();
            let event = Event::Drained { claimed: &self.claimed, moved: &self.moved };
            let commands = self.engine.handle(event, now);
            self.carry_out(commands);
        }
        if !self.heard.is_empty() {
            let heard = std::mem::take(&mut self.heard);
            self.happened(Event::Heard(&heard));
            self.heard = heard;
        }
        if flows_are_due {
            self.tell_of_flows();
        }
        self.drains.add(self.clock.monotonic().saturating_sub(started));
        if let Some(logs) = &mut self.logs {
            logs.flush();
        }
    }

    /// The same, and flows whether they are due or not.
    fn drain_all(&mut self) {
        self.flows_looked_at = None;
        self.drain();
    }

    fn second(&mut self) {
        self.meter.look_at_all();
        let touched = self.edits.touched();
        if !touched.is_empty() {
            self.happened(Event::Touched(touched));
        }
        self.look_at_own_names();
        self.look_at_admins();
        self.look_at_unheard();
        match self.hub.take_lost() {
            0 => {}
            count => self.happened(Event::HostsLost { reason: "slow-watcher", count }),
        }
        self.look_at_traffic();
        self.retry_limits();
        self.retry_marks();
        self.look_at_outlook();
        self.happened(Event::Second);
        notify(&[NotifyState::Watchdog]);
    }

    pub(super) fn happened(&mut self, event: Event<'_>) {
        let now = self.clock.now();
        let commands = self.engine.handle(event, now);
        self.carry_out(commands);
    }

    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Store(batch) => self.writer.write(batch),
                Command::Warn(text) => log::warn!("{text}"),
                Command::Notify(incident) => self.outlook.notifier.tell(incident),
                Command::Own(session, uid) => {
                    let owned = self.tagging.own(&session, uid, self.clock.monotonic());
                    tell(owned);
                }
                Command::Carry(listener) => {
                    let carried = self.tagging.carry(listener);
                    tell(carried);
                }
                Command::Enforce(order) => self.enforcing.order(order),
                Command::Disown { pid } => self.tagging.disown(pid),
                Command::XrayRemove(name) => self.order(Order::Remove(name)),
                Command::XrayRestore(name) => self.order(Order::Restore(name)),
                Command::Mark(mark) => self.mark(mark),
                Command::Unmark(mark) => self.unmark(mark),
                Command::XrayMark { name, mark } => self.order(Order::Mark { name, mark }),
                Command::XrayUnmark(name) => self.order(Order::Unmark(name)),
                Command::Limit { counter, limit } => self.limit(counter, limit),
                Command::Show(rows) => self.hub.show(rows),
                Command::Capture(on) => self.hosts.set_on(on),
                Command::Retire(flows) => self.flows.retire(&flows, self.clock.monotonic()),
                // The programs tell of every connection: there is nothing to forget.
                Command::Forget(_) => {}
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Xray(event) => self.happened(Event::Xray(event)),
            News::Sessions(events) => self.happened(Event::Sessions(events)),
            News::Sightings(sightings) => self.happened(Event::Sightings(sightings)),
            News::Lost(count) => self.happened(Event::HostsLost { reason: "access-log", count }),
        }
    }

    fn order(&self, order: Order) {
        if let Some(xray) = &self.xray {
            xray.order(order);
        }
    }

    /// The last drain, and everything to disk.
    async fn finish(mut self) -> Result<()> {
        self.meter.look_at_all();
        self.drain_all();
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
        let settled = settled.await;
        self.outlook.notifier.finish();
        settled.context("the disk takes too long; the kernel keeps the counters")??;
        self.writer.close();
        Ok(())
    }
}

/// What Xray's source tells next; never, where there is none.
async fn news(xray: &mut Option<XraySource>) -> News {
    match xray {
        Some(xray) => xray.next().await,
        None => std::future::pending().await,
    }
}

/// A session that the kernel cannot be told of counts by its uid.
fn tell(told: Result<()>) {
    if let Err(error) = told {
        log::warn!("sessions: {error:#}");
    }
}
