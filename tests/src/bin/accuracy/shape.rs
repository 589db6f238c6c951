//! Kinds of wire.

/// What the wire is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Of every device.
    pub mtu: u32,
    /// Whether the near end hands out super-packets and merges what comes.
    pub offloads: bool,
    /// Between the ends.
    pub middle: Middle,
    /// No IPv6: its neighbour discovery is sent by sockets that belong to whoever has made the
    /// network namespace, so that a container's counts for its user.
    pub v4_only: bool,
    /// Whether the far end acknowledges everything at once instead of together with an answer.
    pub quick_far: bool,
}

/// What is between the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Middle {
    /// The kernel's bridge.
    Bridge,
    /// A hop that loses and delays frames.
    Lossy,
    /// No wire: all is on the near end's loopback.
    Loopback,
}
