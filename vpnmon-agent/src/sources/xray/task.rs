//! The task: asks the API, reads the log and the config, and does what the engine orders.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::Result as Started;
use tokio::{
    select,
    sync::mpsc::{Sender, UnboundedReceiver},
    time::{Instant, sleep_until},
};

use super::{
    News, Order, Polls, Settings,
    access::AccessLog,
    client::{Client, NoAnswer},
    conf::{Conf, watch::ConfWatch},
    counters::Counters,
    in_force::InForce,
    kept::KeptUsers,
    marking::Marking,
    pace::Pace,
    persist::{Excerpts, Persist, Wanted},
    process,
    removal::Removal,
};
use crate::{
    config::{Toggle, XrayMode},
    session::{Listener, SessionEvent},
    sources::{clock::unix_seconds, sessions::ProcRoot},
    xray::{Counted, XrayEvent},
};

/// Between two looks at the access log.
const LOG: Duration = Duration::from_millis(100);
/// Between two looks at the config, and two tries of what did not work.
const CONF: Duration = Duration::from_secs(1);
/// Between two looks for processes, while those that are known live.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long one that has ended is looked for at each look at the log, in mark mode: until its
/// successor is found, its connections are nobody's.
const COMES_BACK: Duration = Duration::from_secs(10);
/// Between two tries to connect, at first and at last.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// Nobody listens to the news any more.
pub struct Over;

/// All it knows.
pub struct Task {
    settings: Settings,
    news: Sender<News>,
    client: Option<Client>,
    conf: Conf,
    watch: ConfWatch,
    log: AccessLog,
    counters: Counters,
    removal: Removal,
    persist: Option<Persist>,
    excerpts: Excerpts,
    marking: Marking,
    in_force: InForce,
    pace: Pace,
    carried: Vec<Listener>,
    /// When they were last seen to live.
    lived_at: Option<Instant>,
    looked_at: Instant,
    is_first: bool,
    /// The process behind the connection.
    process: Option<(u32, u64)>,
    /// The config's users, as long as they are not told of.
    users: Option<XrayEvent>,
    /// Whether the API has answered, or has not: before that nobody is told of users, so that who
    /// sees an account sees one that counts.
    is_tried: bool,
    retry: Duration,
    /// Why the API does not answer, as it was told.
    down: Option<String>,
    /// Whether there is, or has been, an Xray to speak of.
    is_there: bool,
    began: Instant,
    polls: Arc<Polls>,
}

impl Task {
    /// Not yet at work.
    pub fn new(settings: Settings, news: Sender<News>, polls: Arc<Polls>) -> Started<Self> {
        let (kept, problem) = KeptUsers::open(&settings.state_dir, unix_seconds());
        let (persist, excerpts) = Persist::start(&settings, unix_seconds())?;
        if let Some(problem) = problem {
            log::warn!("{problem}");
        }
        Ok(Self {
            news,
            client: None,
            conf: Conf::default(),
            watch: ConfWatch::new(&settings.config),
            log: AccessLog::new(&settings.access_log),
            counters: Counters::default(),
            removal: Removal::new(kept),
            persist,
            excerpts,
            marking: Marking::default(),
            in_force: InForce::default(),
            pace: Pace::new(settings.poll_interval),
            carried: Vec::new(),
            lived_at: None,
            looked_at: Instant::now(),
            is_first: true,
            process: None,
            users: None,
            is_tried: false,
            retry: FIRST_RETRY,
            down: None,
            is_there: settings.enabled == Toggle::On,
            began: Instant::now(),
            polls,
            settings,
        })
    }

    /// Works until nobody orders or listens any more.
    pub async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let _over = self.work(&mut orders).await;
    }

    async fn work(&mut self, orders: &mut UnboundedReceiver<Order>) -> Result<(), Over> {
        self.tell(XrayEvent::Out(self.removal.out())).await?;
        let [mut log, mut conf, mut poll] = [Instant::now(); 3];
        loop {
            select! {
                order = orders.recv() => match order {
                    Some(order) => self.take(order).await?,
                    None => return Ok(()),
                },
                () = sleep_until(log.min(conf).min(poll)) => {}
            }
            let now = Instant::now();
            if now >= conf {
                conf = now + CONF;
                self.look_at_conf().await?;
                self.look_at_process().await?;
                self.look_at_marks().await?;
                self.step().await?;
                self.keep_config(false);
                self.tell_refusals().await?;
            }
            if now >= log {
                log = now + LOG;
                self.look_at_log().await?;
                self.look_for_successor().await?;
                self.mark().await?;
            }
            if now >= poll {
                poll = now + self.poll().await?;
            }
        }
    }

    async fn take(&mut self, order: Order) -> Result<(), Over> {
        match order {
            Order::Remove(name) => {
                // The newest connections are to be known.
                self.look_at_log().await?;
                let email = self.email(&name);
                self.removal.want_out(&name, &email);
            }
            Order::Restore(name) => self.removal.want_back(&name),
            Order::Mark { name, mark } => {
                let email = self.email(&name);
                self.marking.want(&name, email, mark);
                // With the next look at the log, all that were ordered together.
                return Ok(());
            }
            Order::Unmark(name) => self.marking.unwant(&name),
        }
        self.keep_config(false);
        self.step().await
    }

    /// Who is out is to be out of the config file too.
    fn keep_config(&mut self, is_changed: bool) {
        let Some(persist) = &mut self.persist else { return };
        let out = if self.settings.persist { self.removal.out_emails() } else { BTreeSet::new() };
        let server = self.carried.first().map(|it| (it.pid, it.start_time));
        persist.want(Wanted { out, server }, is_changed);
    }

    async fn tell_refusals(&mut self) -> Result<(), Over> {
        let news = self.persist.as_mut().map(Persist::news);
        for (email, reason) in news.into_iter().flatten() {
            let name = super::name::account(email.as_bytes());
            self.tell(XrayEvent::Failed { name, reason }).await?;
        }
        Ok(())
    }

    /// The email of an account: most are called as their emails are.
    fn email(&self, name: &str) -> String {
        let services = self.conf.services();
        let mut emails = services.into_keys();
        let found = emails.find(|email| super::name::account(email.as_bytes()) == name);
        found.unwrap_or_else(|| name.to_owned())
    }

    async fn step(&mut self) -> Result<(), Over> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let done = self.removal.step(client, &self.conf, &self.log.peers).await;
        self.tell_all(done).await
    }

    /// Gives marks to some of those who are to have one.
    async fn mark(&mut self) -> Result<(), Over> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let done = self.marking.step(client, &self.conf).await;
        self.tell_all(done).await
    }

    async fn tell_all(&mut self, done: Result<Vec<XrayEvent>, NoAnswer>) -> Result<(), Over> {
        match done {
            Ok(events) => {
                for event in events {
                    self.tell(event).await?;
                }
                Ok(())
            }
            Err(error) => self.lost(&error).await,
        }
    }

    async fn look_at_conf(&mut self) -> Result<(), Over> {
        match self.watch.changed(|| self.excerpts.get()) {
            None => return Ok(()),
            Some(Ok(conf)) => {
                self.is_there = true;
                if let Some(damage) = &conf.damage {
                    log::warn!("{}: {damage}; users by markers", self.watch.path().display());
                }
                self.conf = conf;
            }
            // What was known goes on: unknown is not nobody.
            Some(Err(error)) => {
                log::debug!("xray: {error}");
                return Ok(());
            }
        }
        self.keep_config(true);
        let services = self.conf.services();
        self.log.set_users(&services);
        let named = services
            .into_iter()
            .map(|(email, service)| (super::name::account(email.as_bytes()), service));
        self.users = Some(XrayEvent::Users(named.collect()));
        if self.is_tried { self.tell_users().await } else { Ok(()) }
    }

    async fn tell_users(&mut self) -> Result<(), Over> {
        self.is_tried = true;
        match self.users.take() {
            Some(users) => self.tell(users).await,
            None => Ok(()),
        }
    }

    /// Has Xray's sockets counted as transport, whichever process it is now.
    ///
    /// To find it takes a look at every process and socket, so as long as it lives that is done now and
    /// then.
    async fn look_at_process(&mut self) -> Result<(), Over> {
        let proc = ProcRoot::default();
        let lives =
            |it: &Listener| proc.stat(it.pid).is_some_and(|stat| stat.start_time == it.start_time);
        let is_known = !self.carried.is_empty() && self.carried.iter().all(lives);
        if is_known {
            self.lived_at = Some(Instant::now());
            if self.looked_at.elapsed() < LOOK_AGAIN {
                return Ok(());
            }
        }
        self.looked_at = Instant::now();
        let inbounds = self.conf.inbounds.iter().map(|inbound| inbound.ports.0);
        let ports: Vec<_> = inbounds.chain([self.settings.api.port()]).collect();
        let found = process::find(&proc, &ports, &self.settings.people);
        let ended = self.carried.iter().filter(|it| !found.contains(it));
        let ended = ended.map(|it| SessionEvent::ListenerEnded { pid: it.pid });
        let new = found.iter().filter(|it| !self.carried.contains(it));
        let events: Vec<_> = ended.chain(new.map(|it| SessionEvent::Listens(*it))).collect();
        self.carried = found;
        if !events.is_empty() {
            self.send(News::Sessions(events)).await?;
        }
        self.look_at_marks().await
    }

    /// In mark mode a process that takes the place of another is found soon.
    async fn look_for_successor(&mut self) -> Result<(), Over> {
        let is_missed = self.lived_at.is_some_and(|at| at.elapsed() < COMES_BACK);
        if self.settings.mode == XrayMode::Mark && is_missed {
            self.look_at_process().await?;
        }
        Ok(())
    }

    async fn look_at_marks(&mut self) -> Result<(), Over> {
        if self.settings.mode != XrayMode::Mark {
            return Ok(());
        }
        let (in_file, changed_at) = (self.conf.marks_by_name(), self.watch.changed_at());
        match self.in_force.look(&self.carried, in_file, changed_at) {
            Some(news) => self.tell(news).await,
            None => Ok(()),
        }
    }

    async fn look_at_log(&mut self) -> Result<(), Over> {
        let seen = self.log.look(self.began.elapsed(), unix_seconds());
        let mut again = self.removal.held();
        again.extend(seen.users.iter().map(ToString::to_string));
        again.sort_unstable();
        again.dedup();
        for name in again.iter().filter(|name| self.removal.is_out(name)) {
            // What came in between two looks, or is not refused.
            let cut = self.removal.cut(name, &self.log.peers);
            log::debug!("xray: {} connections of {name:?} ended", cut.ended);
        }
        if !seen.sightings.is_empty() {
            self.send(News::Sightings(seen.sightings)).await?;
        }
        if seen.lost > 0 { self.send(News::Lost(seen.lost)).await } else { Ok(()) }
    }

    /// Asks for the counters. When to ask again.
    async fn poll(&mut self) -> Result<Duration, Over> {
        if self.client.is_none() && !(self.is_to_be_tried() && self.connect().await?) {
            self.tell_users().await?;
            self.retry = (self.retry * 2).min(LAST_RETRY);
            return Ok(self.retry);
        }
        let Some(client) = &mut self.client else { return Ok(self.retry) };
        let asked = Instant::now();
        match client.query().await {
            Ok(stats) => {
                self.polls.answered();
                let counters = self.counters.take(stats);
                self.pace.took(asked.elapsed());
                self.count(counters).await?;
                Ok(self.pace.interval())
            }
            Err(error) => {
                self.lost(&error).await?;
                self.retry = FIRST_RETRY;
                Ok(self.retry)
            }
        }
    }

    async fn count(&mut self, counters: Vec<(Arc<str>, crate::model::Bytes)>) -> Result<(), Over> {
        let is_first = std::mem::take(&mut self.is_first);
        if is_first {
            self.tell_users().await?;
        }
        if counters.is_empty() && !is_first {
            return Ok(());
        }
        for (name, _) in &counters {
            self.log.add_user(name);
        }
        let started = self.client.as_ref().and_then(Client::started);
        self.tell(XrayEvent::Counted(Counted {
            started,
            process: self.process,
            is_first,
            counters,
        }))
        .await
    }

    fn process_of_api(&self) -> Option<(u32, u64)> {
        let (proc, api) = (ProcRoot::default(), self.settings.api.port());
        match process::find(&proc, &[api], &self.settings.people).as_slice() {
            [it] => Some((it.pid, it.start_time)),
            _ => None,
        }
    }

    /// On a machine without Xray nobody knocks at ports.
    fn is_to_be_tried(&self) -> bool {
        self.is_there || !self.carried.is_empty()
    }

    async fn connect(&mut self) -> Result<bool, Over> {
        let before = self.process_of_api();
        match Client::connect(self.settings.api).await {
            Ok(client) => {
                // Of two that follow each other nobody knows which one answers.
                self.process = self.process_of_api().filter(|it| before == Some(*it));
                self.client = Some(client);
                self.is_there = true;
                self.is_first = true;
                self.counters.forget();
                self.removal.apply_anew();
                self.marking.apply_anew();
                if self.down.take().is_some() {
                    self.tell(XrayEvent::Up).await?;
                }
                self.look_at_conf().await?;
                self.look_at_process().await?;
                self.step().await?;
                Ok(self.client.is_some())
            }
            Err(error) => {
                self.lost(&error).await?;
                Ok(false)
            }
        }
    }

    /// The connection is of no use any more. Told once, and only where there is an Xray.
    async fn lost(&mut self, error: &NoAnswer) -> Result<(), Over> {
        self.client = None;
        self.polls.failed();
        if self.down.is_some() || !self.is_there {
            return Ok(());
        }
        let reason = format!("{}: {error}", self.settings.api);
        self.down = Some(reason.clone());
        self.tell(XrayEvent::Down(reason)).await
    }

    async fn tell(&self, event: XrayEvent) -> Result<(), Over> {
        self.send(News::Xray(event)).await
    }

    async fn send(&self, news: News) -> Result<(), Over> {
        self.news.send(news).await.map_err(|_| Over)
    }
}
