//! How much an order moves, and how.

use serde::{Deserialize, Serialize};

/// Ways to send on a TCP socket that pass by `write`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Way {
    /// From a file.
    SendFile,
    /// From a pipe.
    Splice,
    /// `IORING_OP_SEND`, several under way.
    IoUring,
    /// `MSG_ZEROCOPY`.
    ZeroCopy,
}

/// A burst of datagrams, sent by one `sendmmsg`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Burst {
    /// Messages of the call.
    pub messages: usize,
    /// `UDP_SEGMENT`: datagrams that the kernel cuts each message into, the last a short one.
    /// Without it a message is one datagram.
    pub segments: Option<usize>,
}

impl Burst {
    /// Sizes of full datagrams, one after the other by burst: what QUIC starts with, what it gets
    /// to over PPPoE and IPv6, and what it finds on a clean path.
    const SIZES: [u16; 3] = [1200, 1252, 1350];
    /// What the last datagram of a message is short of.
    const REST: usize = 37;

    /// Bytes of a full datagram of the burst with this number.
    #[must_use]
    pub fn datagram(self, number: u32) -> u16 {
        Self::SIZES[number as usize % Self::SIZES.len()]
    }

    /// Bytes of each message of that burst.
    #[must_use]
    pub fn message(self, number: u32) -> usize {
        usize::from(self.datagram(number)) * self.segments.unwrap_or(1) - Self::REST
    }

    /// Bytes of all of `bursts`.
    #[must_use]
    pub fn total(self, bursts: u32) -> usize {
        (0..bursts).map(|number| self.message(number) * self.messages).sum()
    }
}

/// What happens on one TCP connection: both ways at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Bytes to send.
    pub send: u64,
    /// Bytes to receive; without a number: all until the other end closes.
    pub receive: Option<u64>,
    /// Bytes of each write.
    pub write: usize,
    /// Closes when done, else waits for the other end to close. Whoever closes first keeps a
    /// TIME_WAIT socket, whose last acknowledgement no cgroup hook sees.
    pub closes_first: bool,
    /// Prints `sent N` each time so many more bytes are written.
    pub progress: Option<u64>,
}

impl Exchange {
    /// The same connection from the other end.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self {
            send: self.receive.unwrap_or(0),
            receive: Some(self.send),
            closes_first: !self.closes_first,
            progress: None,
            ..self
        }
    }
}
