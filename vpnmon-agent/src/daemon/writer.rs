//! The thread that writes: a disk that takes its time must not stop the drains.

use std::{sync::mpsc as blocking, thread};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

use crate::{
    event::{Batch, Stored},
    ledger::store::Store,
    sources::clock::unix_seconds,
};

/// Takes one batch at a time; the engine sends no second before the first is answered.
pub struct Writer {
    batches: blocking::Sender<Batch>,
}

impl Writer {
    /// Starts the thread; each batch's outcome comes out of the receiver.
    pub fn start(mut store: Store) -> Result<(Self, mpsc::Receiver<Stored>)> {
        let (batches, todo) = blocking::channel::<Batch>();
        let (done, outcomes) = mpsc::channel(1);
        let work = move || {
            for batch in todo {
                if done.blocking_send(store.write(batch, unix_seconds())).is_err() {
                    return;
                }
            }
        };
        let named = thread::Builder::new().name("writer".to_owned()).spawn(work);
        named.context("cannot start the writer's thread")?;
        Ok((Self { batches }, outcomes))
    }

    /// Hands a batch over.
    pub fn write(&self, batch: Batch) {
        if self.batches.send(batch).is_err() {
            log::error!("the writer is gone: nothing is written any more; restart the agent");
        }
    }
}
