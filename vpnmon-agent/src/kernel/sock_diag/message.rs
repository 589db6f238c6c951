//! The messages, as bytes.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{Kind, Which};

/// `SOCK_DIAG_BY_FAMILY` and, since kernel 4.5, `SOCK_DESTROY` (linux/sock_diag.h).
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const ORDER: u16 = 0x5;
/// Bytes of `nlmsghdr`, `inet_diag_sockid` and `inet_diag_msg`.
const HEADER: usize = 16;
const ID: usize = 48;
const MESSAGE: usize = 72;
const AF_INET: u8 = 2;

/// What is wanted of the kernel.
pub enum Order<'a> {
    /// These sockets.
    List(Which),
    /// The end of this one.
    Destroy(&'a Found),
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    family: u8,
    /// `inet_diag_sockid`; its last eight bytes are the cookie.
    id: [u8; ID],
    /// Whose it is.
    pub uid: u32,
    /// As `/proc/PID/fd` names it; 0 where no process has it any more.
    pub inode: u32,
}

impl Found {
    /// Names the socket within its namespace, for as long as the namespace is there.
    pub fn cookie(&self) -> u64 {
        self.id.last_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    /// The port of this end.
    pub const fn port(&self) -> u16 {
        u16::from_be_bytes([self.id[0], self.id[1]])
    }

    /// The other end; IPv4 over an IPv6 socket is IPv4.
    pub fn peer(&self) -> SocketAddr {
        let port = u16::from_be_bytes([self.id[2], self.id[3]]);
        let [a, b, c, d] = [20, 21, 22, 23].map(|at| self.id[at]);
        let ip = if self.family == AF_INET {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        } else {
            let bytes = std::array::from_fn(|at| self.id[20 + at]);
            Ipv6Addr::from_octets(bytes).to_canonical()
        };
        SocketAddr::new(ip, port)
    }
}

/// `nlmsghdr` and `inet_diag_req_v2`. Sequence and port stay 0: a socket has one question at a time.
pub fn request(order: &Order<'_>, kind: Kind) -> Vec<u8> {
    let mut id = [0; ID];
    let (number, flags, states) = match order {
        Order::List(which) => {
            id[..2].copy_from_slice(&which.port.to_be_bytes());
            (SOCK_DIAG_BY_FAMILY, DUMP, which.states)
        }
        Order::Destroy(socket) => {
            id = socket.id;
            (SOCK_DESTROY, ORDER, Which::OWNED.states)
        }
    };
    let mut bytes = Vec::with_capacity(HEADER + 8 + ID);
    let length = u32::try_from(HEADER + 8 + ID).unwrap_or(0);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([kind.family, kind.protocol, 0, 0]);
    bytes.extend(states.to_ne_bytes());
    bytes.extend(id);
    bytes
}

/// What the kernel says.
pub enum Answer {
    /// A socket, if the message is whole.
    Socket(Option<Found>),
    /// The order is carried out, or not.
    Judged(io::Result<()>),
    /// That was all.
    Done,
}

/// The answers in a packet.
pub fn answers(packet: &[u8]) -> impl Iterator<Item = Answer> {
    messages(packet).map(|(kind, body)| match kind {
        NLMSG_DONE => Answer::Done,
        NLMSG_ERROR => Answer::Judged(judgement(body)),
        _ => Answer::Socket(socket(body)),
    })
}

/// Type and body of each message.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        let body = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

fn judgement(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        None => Err(io::Error::other("an answer that is cut short")),
    }
}

/// `inet_diag_msg`.
fn socket(message: &[u8]) -> Option<Found> {
    let number = |at: usize| Some(u32::from_ne_bytes(*message.get(at..)?.first_chunk()?));
    let id = *message.get(4..)?.first_chunk()?;
    let (uid, inode) = (number(MESSAGE - 8)?, number(MESSAGE - 4)?);
    Some(Found { family: *message.first()?, id, uid, inode })
}

/// Any bytes in, as if the kernel had sent them.
pub fn fuzz(bytes: &[u8]) {
    let mut count = 0;
    for answer in answers(bytes) {
        count += 1;
        if let Answer::Socket(Some(socket)) = answer {
            let peer = socket.peer();
            assert!(peer.ip() == peer.ip().to_canonical());
        }
    }
    assert!(count <= bytes.len() / HEADER);
}

#[cfg(test)]
mod tests {
    use super::{super::KINDS, *};

    #[test]
    fn answers_that_are_cut_short_tell_nothing() {
        let mut bytes = request(&Order::List(Which::OWNED), KINDS[0]);
        assert_eq!(answers(&bytes).count(), 1);
        bytes.truncate(50);
        assert_eq!(answers(&bytes).count(), 0);
        assert!(socket(&[0; MESSAGE - 1]).is_none() && socket(&[0; MESSAGE]).is_some());
        assert!(judgement(&[]).is_err() && judgement(&[0; 4]).is_ok());
    }

    #[test]
    fn a_refusal_is_the_kernels() {
        let refused = [[20, 0, 0, 0, 2, 0].as_slice(), &[0; 10], &(-2_i32).to_ne_bytes()].concat();
        let Some(Answer::Judged(Err(error))) = answers(&refused).next() else {
            unreachable!("no refusal")
        };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
