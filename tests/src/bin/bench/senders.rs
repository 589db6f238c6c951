//! Sockets of many uids, and one that they send to.

use std::{
    net::Ipv4Addr,
    ops::Range,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    figures,
    place::Place,
    shard::{Job, Shard},
};

/// Payload, UDP and IPv4 header.
pub const DATAGRAM: u64 = 64 + 28;
/// Sockets of one shard.
const SHARD: u32 = 12_500;
/// Descriptors a shard needs at most: its sockets, and what this process has open besides.
const DESCRIPTORS: u64 = 16_384;

/// Which socket sends the next datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Always the same, from the middle of the crowd.
    One,
    /// Any of the first so many, each time; of a shard, whose turn changes.
    AnyOf(u32),
}

/// Connected sockets, one a uid, each of which has sent already.
///
/// They are spread over threads with tables of descriptors of their own, because not everywhere
/// may a process have 50,000 open: here root is held to 20,000.
#[derive(Debug)]
pub struct Senders {
    shards: Vec<Shard>,
}

/// Lets a shard hold its sockets.
pub fn raise_limits() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or_default();
    if soft < DESCRIPTORS {
        setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, hard.max(DESCRIPTORS))
            .unwrap_or_else(|e| panic!("cannot have {DESCRIPTORS} open sockets: {e}"));
    }
}

impl Senders {
    /// A socket for each uid at `from`, and sinks, of the first uid, at `to`.
    pub fn new(from: &Place, to: &Place, uids: Range<u32>) -> Self {
        static SETS: AtomicU8 = AtomicU8::new(1);
        let set = SETS.fetch_add(1, Relaxed);
        let starts = (uids.start..uids.end).step_by(SHARD as usize);
        let shards = starts.zip(0..).map(|(start, index)| {
            let address = Ipv4Addr::new(127, set, index, 1);
            Shard::start(from, to, address, start..uids.end.min(start + SHARD))
        });
        Self { shards: shards.collect() }
    }

    /// Nanoseconds a datagram, each send a system call: the median burst of `length`.
    pub fn cost(&self, pick: Pick, length: Duration) -> f64 {
        figures::quantile(&self.send(pick, length, true), 0.5)
    }

    /// Sends for `length`, always on the same CPU, as [`Senders::cost`] does.
    pub fn flood_pinned(&self, pick: Pick, length: Duration) {
        self.send(pick, length, true);
    }

    /// Sends for `length`.
    pub fn flood(&self, pick: Pick, length: Duration) {
        self.send(pick, length, false);
    }

    /// One datagram of the first uid.
    pub fn send_one(&self) {
        self.shards[0].run(Job { any_of: None, length: Duration::ZERO, pinned: false });
    }

    /// Nanoseconds a datagram of each burst.
    fn send(&self, pick: Pick, length: Duration, pinned: bool) -> Vec<f64> {
        let Pick::AnyOf(count) = pick else {
            return self.middle().run(Job { any_of: None, length, pinned });
        };
        let shards = count.div_ceil(SHARD);
        let job = Job { any_of: Some(count.min(SHARD)), length: length / shards, pinned };
        let in_use = self.shards.iter().take(shards as usize);
        in_use.flat_map(|shard| shard.run(job)).collect()
    }

    fn middle(&self) -> &Shard {
        &self.shards[self.shards.len() / 2]
    }
}
