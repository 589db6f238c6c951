//! Host names in the first bytes of a TCP flow: TLS server names and HTTP/1.x hosts.
//!
//! One state machine, fed byte by byte, so that it does not matter where a sender, a relay or a
//! kernel has cut the stream, nor into which TLS records a hello was put. All of its state is
//! [`HostFlow`], plain data that begins as zeros: in the kernel it lies in the socket's storage, so
//! the verifier sees the same state at each round of a loop, and a loop that runs out of rounds
//! goes on later.
//!
//! ```text
//! flow.take(segment, &mut walk)       which bytes of the segment are new      (flow)
//! loop { flow.step(&mut walk, packet) }  one byte, chunk or skip              (step)
//!     record layer -> hello               RFC 8446 sections 5.1 and 4.1.2      (tls, hello, extensions)
//!     request line -> header lines        RFC 9112 sections 3 and 5            (http, header)
//! ```
//!
//! Where a message is not what its RFC says, no name comes out of it, and [`Ended`] says why: two
//! readers of such a message may see two names, and only one of them would be right.

mod ended;
mod extensions;
mod flow;
mod header;
mod hello;
mod http;
mod names;
mod phase;
mod pieces;
mod proxy_line;
mod scan;
mod step;
mod tls;
mod walk;
mod words;

pub use self::{
    ended::Ended,
    flow::{HostFlow, MAX_LOOKED, TcpSegment},
    hello::handshake_name,
    names::{HostKind, MAX_HOST, MAX_SERVER_NAME, Names, ROOM},
    step::Step,
    walk::Walk,
};

#[cfg(test)]
mod tests;
