//! The thread that writes: a disk that takes its time must not stop the drains.

use std::{
    sync::mpsc::{self as blocking, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use crate::{
    event::{Batch, Stored},
    history::History,
    ledger::{recorded::Mark, store::Store},
    sources::clock::{Clock, unix_seconds},
};

/// Where nothing moves, the history is looked after all the same.
const IDLE: Duration = Duration::from_mins(1);

/// Takes one batch at a time; the engine sends no second before the first is answered.
pub struct Writer {
    batches: blocking::Sender<Batch>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread; each batch's outcome comes out of the receiver.
    pub fn start(store: Store, history: Option<History>) -> Result<(Self, mpsc::Receiver<Stored>)> {
        let (batches, todo) = blocking::channel::<Batch>();
        let (done, outcomes) = mpsc::channel(1);
        let work = move || write_all(store, history, &todo, &done);
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(work);
        let thread = thread.context("cannot start the writer's thread")?;
        Ok((Self { batches, thread }, outcomes))
    }

    /// Hands a batch over.
    pub fn write(&self, batch: Batch) {
        if self.batches.send(batch).is_err() {
            log::error!("the writer is gone: nothing is written any more; restart the agent");
        }
    }

    /// Waits until all of the history is on disk. It is not lost without, only booked later.
    pub fn close(self) {
        drop(self.batches);
        if self.thread.join().is_err() {
            log::error!("the writer ended before its work was done");
        }
    }
}

fn write_all(
    mut store: Store,
    mut history: Option<History>,
    todo: &blocking::Receiver<Batch>,
    done: &mpsc::Sender<Stored>,
) {
    let mut clock = Clock::new();
    // Of a minute without a batch.
    let mut untold = Vec::new();
    loop {
        match todo.recv_timeout(IDLE) {
            Ok(batch) => {
                let marks = history.is_some().then(|| marks(&batch));
                let mut stored = store.write(batch, unix_seconds());
                if let Some(history) = &mut history {
                    marks.into_iter().flatten().for_each(|mark| history.note(mark));
                    stored.incidents.append(&mut untold);
                    stored.incidents.extend(history.due(clock.now(), false));
                    stored.history = Some(history.error());
                }
                if done.blocking_send(stored).is_err() {
                    break;
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                untold.extend(history.iter_mut().flat_map(|it| it.due(clock.now(), false)));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for incident in history.iter_mut().flat_map(|it| it.due(clock.now(), true)) {
        log::warn!("{}", incident.reason);
    }
}

/// How far the accounts of a batch have come; those that are no more last.
fn marks(batch: &Batch) -> Vec<Mark> {
    let records = batch.snapshot.iter().flatten().chain(&batch.records);
    records.map(Mark::of).chain(batch.parted.iter().cloned()).collect()
}
