//! Interfaces and addresses, over rtnetlink.

use std::{net::Ipv4Addr, os::fd::AsRawFd};

use nix::{
    libc::{
        AF_INET, IFA_ADDRESS, IFA_LOCAL, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, RTM_NEWADDR,
        RTM_NEWLINK,
    },
    net::if_::if_nametoindex,
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
        socket,
    },
};

const IFF_UP: u32 = 1;
/// Every address here is one of a /24.
const PREFIX: u8 = 24;

/// Brings an interface up. The kernel gives `lo` 127.0.0.1 and ::1 by itself.
pub fn bring_up(name: &str) {
    // `struct ifinfomsg`: family, device type: any; index; flags, and those that change.
    let (index, up) = (index(name), IFF_UP.to_ne_bytes());
    ask(RTM_NEWLINK, &[&[0; 4], &index[..], &up, &up].concat());
}

/// Gives an interface an address.
pub fn set_address(name: &str, address: Ipv4Addr) {
    let family = u8::try_from(AF_INET).unwrap_or_default();
    // `struct ifaddrmsg`: family, prefix, flags, scope; index.
    let mut body = [&[family, PREFIX, 0, 0], &index(name)[..]].concat();
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend(8_u16.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(address.octets());
    }
    ask(RTM_NEWADDR, &body);
}

fn index(name: &str) -> [u8; 4] {
    if_nametoindex(name).unwrap_or_else(|e| panic!("no {name}: {e}")).to_ne_bytes()
}

/// Sends a request of one message, which must be acknowledged.
fn ask(kind: u16, body: &[u8]) {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .unwrap_or_else(|e| panic!("rtnetlink: {e}"));
    let kernel = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &message(kind, body), &kernel, MsgFlags::empty())
        .unwrap_or_else(|e| panic!("cannot ask for {kind}: {e}"));
    let mut answer = [0; 128];
    let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())
        .unwrap_or_else(|e| panic!("no answer to {kind}: {e}"));
    assert!(is_acknowledged(&answer[..len]), "{kind} is refused: {:?}", &answer[..len]);
}

/// `struct nlmsghdr`, then the body.
fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let flags = u16::try_from(NLM_F_REQUEST | NLM_F_ACK).unwrap_or_default();
    // Sequence number and port, nobody's.
    let rest = [&kind.to_ne_bytes()[..], &flags.to_ne_bytes(), &[0; 8], body].concat();
    let len = u32::try_from(rest.len() + 4).unwrap_or_default();
    [&len.to_ne_bytes()[..], &rest].concat()
}

/// An `NLMSG_ERROR` of error 0.
fn is_acknowledged(answer: &[u8]) -> bool {
    let error = u16::try_from(NLMSG_ERROR).unwrap_or_default().to_ne_bytes();
    answer.get(4..6) == Some(&error) && answer.get(16..20) == Some(&[0; 4])
}
