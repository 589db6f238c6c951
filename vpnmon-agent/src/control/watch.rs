//! Watchers of hosts: each row goes to all of them at once, and none of them is waited for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    select,
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::{self, error::RecvError},
    },
};

use crate::{model::sighting::HostFilter, view::hosts::HostEvent};

/// Rows that a watcher may lag behind before it loses the oldest.
const QUEUE: usize = 4096;
/// Watchers at once; they must not take all connections.
const MAX_WATCHERS: usize = 16;

/// A line to a watcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watched {
    /// A name was seen.
    Row(HostEvent),
    /// The watcher was too slow for so many.
    Lost(u64),
}

/// What all watchers hang on.
#[derive(Clone, Debug)]
pub struct Hub {
    rows: broadcast::Sender<Arc<HostEvent>>,
    places: Arc<Semaphore>,
    lost: Arc<AtomicU64>,
}

/// One watcher's end.
#[derive(Debug)]
pub struct Watcher {
    rows: broadcast::Receiver<Arc<HostEvent>>,
    lost: Arc<AtomicU64>,
    _place: OwnedSemaphorePermit,
}

impl Default for Hub {
    fn default() -> Self {
        let (rows, _) = broadcast::channel(QUEUE);
        let places = Arc::new(Semaphore::new(MAX_WATCHERS));
        Self { rows, places, lost: Arc::default() }
    }
}

impl Hub {
    /// Shows rows to whoever watches. Never waits.
    pub fn show(&self, rows: Vec<Arc<HostEvent>>) {
        if self.rows.receiver_count() == 0 {
            return;
        }
        for row in rows {
            // The last watcher may just have left.
            let _unseen = self.rows.send(row);
        }
    }

    /// Rows that slow watchers have lost since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// A watcher of all that comes from now on; `None` where there are enough.
    pub fn watch(&self) -> Option<Watcher> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Watcher { rows: self.rows.subscribe(), lost: Arc::clone(&self.lost), _place: place })
    }
}

impl Watcher {
    /// Tells the other side what it wants to see, until one of the two leaves.
    pub async fn tell(
        mut self,
        read: &mut OwnedReadHalf,
        write: &mut OwnedWriteHalf,
        filter: &HostFilter,
    ) -> io::Result<()> {
        loop {
            let next = select! {
                next = self.rows.recv() => next,
                // A watcher says nothing more: whatever comes is its end.
                _ = read.read_u8() => return Ok(()),
            };
            let line = match next {
                Ok(row) if row.is_wanted(filter) => Watched::Row((*row).clone()),
                Ok(_) => continue,
                Err(RecvError::Lagged(count)) => {
                    self.lost.fetch_add(count, Ordering::Relaxed);
                    Watched::Lost(count)
                }
                Err(RecvError::Closed) => return Ok(()),
            };
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            write.write_all(&text).await?;
        }
    }
}

#[cfg(test)]
mod tests;
