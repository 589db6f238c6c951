//! Brings up `lo`, the guest's only interface, over rtnetlink.

use std::os::fd::AsRawFd;

use nix::{
    libc::{NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, RTM_NEWLINK},
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
        socket,
    },
};

/// `loopback_net_init`: always the first of a network namespace.
const LOOPBACK: i32 = 1;
const IFF_UP: u32 = 1;

/// The kernel gives it 127.0.0.1 and ::1 by itself.
pub fn bring_up() {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .unwrap_or_else(|e| panic!("rtnetlink: {e}"));
    let kernel = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &request(), &kernel, MsgFlags::empty())
        .unwrap_or_else(|e| panic!("cannot ask for lo: {e}"));
    let mut answer = [0; 128];
    let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())
        .unwrap_or_else(|e| panic!("no answer about lo: {e}"));
    assert!(is_acknowledged(&answer[..len]), "lo does not come up: {:?}", &answer[..len]);
}

/// `struct nlmsghdr`, then `struct ifinfomsg`.
fn request() -> Vec<u8> {
    let flags = u16::try_from(NLM_F_REQUEST | NLM_F_ACK).unwrap_or_default();
    let body: [&[u8]; 8] = [
        &RTM_NEWLINK.to_ne_bytes(),
        &flags.to_ne_bytes(),
        // Sequence number and port, nobody's.
        &[0; 8],
        // Family, device type: any.
        &[0; 4],
        &LOOPBACK.to_ne_bytes(),
        &IFF_UP.to_ne_bytes(),
        // The flags that change.
        &IFF_UP.to_ne_bytes(),
        &[],
    ];
    let body = body.concat();
    let len = u32::try_from(body.len() + 4).unwrap_or_default();
    [&len.to_ne_bytes()[..], &body].concat()
}

/// An `NLMSG_ERROR` of error 0.
fn is_acknowledged(answer: &[u8]) -> bool {
    let error = u16::try_from(NLMSG_ERROR).unwrap_or_default().to_ne_bytes();
    answer.get(4..6) == Some(&error) && answer.get(16..20) == Some(&[0; 4])
}
