//! What leaves the machine: notices and metrics. Neither is ever waited for.

use anyhow::Result;
use tokio::sync::mpsc;

use super::Loop;
use crate::{
    config::Config,
    event::Event,
    metrics::{Server, Wanted},
    notify::Notifier,
    view::metrics::{Drains, Metrics, Xray},
};

/// The loop's ends of both.
pub struct Outlook {
    pub notifier: Notifier,
    /// `metrics.listen`; `None` where that is nowhere.
    server: Option<Server>,
    pub scrapes: mpsc::Receiver<Wanted>,
    /// Accounts with series of their own, where that is wanted.
    max_series: Option<usize>,
    /// As it was told.
    problem: Option<String>,
}

impl Outlook {
    /// Starts their threads.
    pub fn start(config: &Config) -> Result<Self> {
        let (server, scrapes) = match config.metrics.listen {
            Some(address) => {
                let (server, scrapes) = Server::start(address)?;
                (Some(server), scrapes)
            }
            None => (None, mpsc::channel(1).1),
        };
        let max = usize::try_from(config.metrics.max_accounts).unwrap_or(usize::MAX);
        let max_series = config.metrics.accounts.then_some(max);
        Ok(Self {
            notifier: Notifier::start(&config.notify)?,
            server,
            scrapes,
            max_series,
            problem: None,
        })
    }
}

impl Loop {
    /// What they cannot do now.
    pub(super) fn look_at_outlook(&mut self) {
        let problem = self.outlook.server.as_ref().and_then(Server::problem);
        if self.outlook.problem != problem {
            self.outlook.problem.clone_from(&problem);
            self.happened(Event::Problems(problem.into_iter().collect()));
        }
    }

    /// The numbers of this moment, for a scrape.
    pub(super) fn measure(&mut self, wanted: Wanted) {
        self.look_at_traffic();
        let metrics = Metrics {
            engine: self.engine.metrics(self.outlook.max_series, self.clock.now()),
            drains: Drains {
                interval: self.drain_interval,
                counts: self.drains.counts,
                count: self.drains.count.into(),
                total: self.drains.total,
            },
            xray: self.xray.as_ref().map(|xray| {
                let (polls, errors) = xray.polls();
                Xray { polls, errors }
            }),
            outlets: self.outlook.notifier.figures(),
        };
        // The scraper may be gone.
        let _unread = wanted.send(metrics);
    }
}
