//! Xray and v2ray: users' counters over the API, their names from the config, where they go from the
//! access log.
//!
//! It works on a thread of its own, so that an answer of thousands of users keeps no drain waiting.
//! Counters are never reset: they are Xray's, and others read them too.

mod access;
pub mod access_log;
mod client;
pub mod conf;
mod counters;
mod cut;
mod dialect;
mod in_force;
mod kept;
mod marked;
mod marking;
mod message;
mod name;
mod pace;
mod peers;
mod persist;
pub mod probe;
mod process;
mod removal;
mod task;

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use self::task::Task;
use crate::{
    config::{Config, Toggle, XrayMode},
    model::sighting::Sighting,
    session::SessionEvent,
    xray::XrayEvent,
};

/// News that wait for the loop.
const QUEUE: usize = 64;

/// What the source is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `xray.enabled`.
    pub enabled: Toggle,
    /// `xray.mode`.
    pub mode: XrayMode,
    /// `xray.api`.
    pub api: SocketAddr,
    /// `xray.config`.
    pub config: PathBuf,
    /// `xray.access_log`.
    pub access_log: PathBuf,
    /// `xray.poll_interval`.
    pub poll_interval: Duration,
    /// `xray.persist`.
    pub persist: bool,
    /// `xray.binary`; `None` is what runs.
    pub binary: Option<PathBuf>,
    /// `agent.state_dir`.
    pub state_dir: PathBuf,
    /// Uids of the VPN's users.
    pub people: RangeInclusive<u32>,
}

impl Settings {
    /// What the configuration says.
    pub fn new(config: &Config) -> Self {
        let xray = &config.xray;
        Self {
            enabled: xray.enabled,
            mode: xray.mode,
            api: xray.api,
            config: xray.config.clone(),
            access_log: xray.access_log.clone(),
            poll_interval: xray.poll_interval,
            persist: xray.persist,
            binary: xray.binary.path().map(PathBuf::from),
            state_dir: config.agent.state_dir.clone(),
            people: config.ssh.min_uid..=config.ssh.max_uid,
        }
    }
}

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take a user out, by the name of the account.
    Remove(String),
    /// Put one back.
    Restore(String),
    /// Give a user a mark.
    Mark {
        /// By the name of the account.
        name: String,
        /// Which.
        mark: u32,
    },
    /// Take it away again.
    Unmark(String),
}

/// What the source has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Of users and their counters.
    Xray(XrayEvent),
    /// Of the process itself: its sockets are transport.
    Sessions(Vec<SessionEvent>),
    /// Of hosts.
    Sightings(Vec<Sighting>),
    /// So many lines of the access log were not looked at.
    Lost(u64),
}

/// How asking went since the start.
#[derive(Debug, Default)]
pub struct Polls {
    answers: AtomicU64,
    errors: AtomicU64,
}

impl Polls {
    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// The source at work; it ends with this.
#[derive(Debug)]
pub struct XraySource {
    polls: Arc<Polls>,
    orders: mpsc::UnboundedSender<Order>,
    news: mpsc::Receiver<News>,
}

impl XraySource {
    /// Starts it, unless `xray.enabled` is false.
    pub fn start(config: &Config) -> Result<Option<Self>> {
        if config.xray.enabled == Toggle::Off {
            return Ok(None);
        }
        let (orders, ordered) = mpsc::unbounded_channel();
        let (tell, news) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start Xray's loop")?;
        let polls = Arc::new(Polls::default());
        let task = Task::new(Settings::new(config), tell, Arc::clone(&polls))?;
        let work = move || runtime.block_on(task.run(ordered));
        let named = thread::Builder::new().name("xray".to_owned()).spawn(work);
        named.context("cannot start Xray's thread")?;
        Ok(Some(Self { polls, orders, news }))
    }

    /// Answers, and questions without one, since the start.
    pub fn polls(&self) -> (u64, u64) {
        (self.polls.answers.load(Ordering::Relaxed), self.polls.errors.load(Ordering::Relaxed))
    }

    /// The next it has to tell; never where the source has ended.
    pub async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Has something done. At most one an account and change, so the queue stays short.
    pub fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            log::error!("xray: the source has ended; restart the agent");
        }
    }
}
