//! Server names under QUIC's Initial cipher (RFC 9001 section 5.2: anybody can open it).
//!
//! A browser's hello may come in many pieces, in any order, and in more than one datagram. So what
//! is there of a hello is kept, for a while and for so many connections.

mod frames;
mod keys;
mod packet;
mod stream;

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

use vpnmon_common::wire::hosts::{Ended, Names};

use self::{keys::ClientKeys, packet::Sealed, stream::CryptoStream};

/// Hellos that are waited for at the same time. Each can take 32 KiB.
const MAX_WAITING: usize = 256;
/// How long one is waited for. A client sends its first flight at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// Packets looked at in one datagram.
const MAX_COALESCED: usize = 4;

/// Why a datagram tells no name. Each has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuicError {
    /// No Initial packet of a known version.
    #[error("no Initial packet")]
    NotInitial,
    /// It does not open: another connection id was the first, or it is junk.
    #[error("does not open with its keys")]
    Authentication,
    /// A frame that has no place in an Initial packet, or is damaged.
    #[error("no frames of an Initial packet")]
    Frame,
    /// The hello itself.
    #[error("no name in the hello: {0:?}")]
    Hello(Ended),
}

impl From<Ended> for QuicError {
    fn from(why: Ended) -> Self {
        Self::Hello(why)
    }
}

/// The hellos that are waited for. `P` says between which ends a datagram went; of two connections
/// that begin at the same time between the same ends, the later one is read.
pub struct Hellos<P> {
    waiting: HashMap<P, Waiting>,
    /// The same in the order of their coming; some may have been told already.
    order: VecDeque<(P, Duration)>,
}

struct Waiting {
    since: Duration,
    /// Of the first connection id. The client changes to the server's once it has it, but not the
    /// keys (RFC 9001 section 5.2), and the rest of its hello may come after that.
    keys: ClientKeys,
    stream: CryptoStream,
}

impl Waiting {
    fn new(first: &Sealed<'_>, since: Duration) -> Result<Self, QuicError> {
        let keys = ClientKeys::derive(first.version(), first.dcid())
            .map_err(|_| QuicError::Authentication)?;
        Ok(Self { since, keys, stream: CryptoStream::default() })
    }

    fn read(&mut self, datagram: &[u8], first: &Sealed<'_>) -> Result<Option<Names>, QuicError> {
        open_all(datagram, first, &self.keys, &mut self.stream)?;
        Ok(self.stream.names()?)
    }
}

impl<P> std::fmt::Debug for Hellos<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hellos").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl<P> Default for Hellos<P> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}

impl<P: Clone + Eq + Hash> Hellos<P> {
    /// Reads a datagram that went over `path` at `now` (any clock that only goes forward). The names
    /// come with the datagram that makes the hello whole; before, there are none and no error.
    pub fn read(
        &mut self,
        path: &P,
        datagram: &[u8],
        now: Duration,
    ) -> Result<Option<Names>, QuicError> {
        self.forget_old(now);
        let first = Sealed::at(datagram, 0).ok_or(QuicError::NotInitial)?;
        if let Some(waiting) = self.waiting.get_mut(path) {
            let read = waiting.read(datagram, &first);
            if read != Err(QuicError::Authentication) {
                if read != Ok(None) {
                    self.waiting.remove(path);
                }
                return read;
            }
        }
        // The first datagram, or the first after a Retry (RFC 9000 section 17.2.5.2).
        let mut waiting = Waiting::new(&first, now)?;
        let read = waiting.read(datagram, &first);
        if read == Ok(None) && !waiting.stream.is_empty() {
            self.wait(path.clone(), waiting);
        }
        read
    }

    /// How many hellos are waited for.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn wait(&mut self, path: P, waiting: Waiting) {
        self.order.push_back((path.clone(), waiting.since));
        self.waiting.insert(path, waiting);
        if self.order.len() > MAX_WAITING {
            self.forget_oldest();
        }
    }

    fn forget_old(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(_, since)| now.saturating_sub(*since) > PATIENCE) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((path, since)) = self.order.pop_front() else { return };
        if self.waiting.get(&path).is_some_and(|waiting| waiting.since == since) {
            self.waiting.remove(&path);
        }
    }
}

/// Adds the pieces of all Initial packets in the datagram. They have one connection id (RFC 9000
/// section 12.2); what comes behind them is of no use here.
fn open_all(
    datagram: &[u8],
    first: &Sealed<'_>,
    keys: &ClientKeys,
    stream: &mut CryptoStream,
) -> Result<(), QuicError> {
    add(&first.open(keys)?, stream)?;
    let mut at = first.end();
    for _ in 1..MAX_COALESCED {
        let Some(packet) = Sealed::at(datagram, at) else { break };
        let Some(payload) = same(&packet, first).then(|| packet.open(keys).ok()).flatten() else {
            break;
        };
        add(&payload, stream)?;
        at = packet.end();
    }
    Ok(())
}

fn same(packet: &Sealed<'_>, first: &Sealed<'_>) -> bool {
    packet.version() == first.version() && packet.dcid() == first.dcid()
}

fn add(payload: &[u8], stream: &mut CryptoStream) -> Result<(), QuicError> {
    for piece in frames::crypto(payload)? {
        stream.add(piece.offset, piece.bytes)?;
    }
    Ok(())
}

/// Reads `payload` as that of an opened packet: what a fuzzer cannot seal.
pub fn fuzz_payload(payload: &[u8]) {
    let mut stream = CryptoStream::default();
    if add(payload, &mut stream).is_ok() {
        let _ = stream.names();
    }
}

#[cfg(test)]
mod tests;
