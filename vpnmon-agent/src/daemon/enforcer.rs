//! The thread that enforces: programs and disks that take their time must not stop the drains.

use std::{
    sync::mpsc::{self as blocking, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use crate::{
    config::Config,
    enforce::{Enforcer, Machine},
    order::{Order, Report, Standing},
};

/// Reports that wait for the loop.
const QUEUE: usize = 256;
/// So long nothing may come, and nothing is due.
const IDLE: Duration = Duration::from_hours(1);

/// Takes orders.
pub struct Enforcing(blocking::Sender<Order>);

/// A thread that has been started.
pub struct Started {
    pub enforcing: Enforcing,
    /// What becomes of the orders.
    pub reports: mpsc::Receiver<Report>,
    /// What an earlier run was told.
    pub standing: Vec<Standing>,
}

impl Enforcing {
    /// Starts the thread; it does nothing before it is told.
    pub fn start(config: &Config, unix_seconds: u64) -> Result<Started> {
        let range = (config.ssh.min_uid, config.ssh.max_uid);
        let machine = Machine::new(&config.agent.state_dir, range, &config.enforce.protect);
        let (journal, problem) = machine.journal(unix_seconds);
        if let Some(incident) = problem {
            log::warn!("{}", incident.reason);
        }
        let enforcer = Enforcer::new(machine, journal);
        let standing = enforcer.standing();
        let (orders, todo) = blocking::channel();
        let (done, reports) = mpsc::channel(QUEUE);
        let work = move || enforce(enforcer, &todo, &done);
        let named = thread::Builder::new().name("enforcer".to_owned()).spawn(work);
        named.context("cannot start the enforcer's thread")?;
        Ok(Started { enforcing: Self(orders), reports, standing })
    }

    /// Hands an order over.
    pub fn order(&self, order: Order) {
        if self.0.send(order).is_err() {
            log::error!("the enforcer is gone: nobody is locked out any more; restart the agent");
        }
    }
}

/// Until nobody gives orders or hears reports any more.
fn enforce(
    mut enforcer: Enforcer<Machine>,
    orders: &blocking::Receiver<Order>,
    reports: &mpsc::Sender<Report>,
) {
    let started = Instant::now();
    loop {
        let due = enforcer.due().map(|due| due.saturating_sub(started.elapsed()));
        match orders.recv_timeout(due.unwrap_or(IDLE)) {
            Ok(order) => enforcer.order(order, started.elapsed()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for order in orders.try_iter() {
            enforcer.order(order, started.elapsed());
        }
        for report in enforcer.work(started.elapsed()) {
            if reports.blocking_send(report).is_err() {
                return;
            }
        }
    }
}
