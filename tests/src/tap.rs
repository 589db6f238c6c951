//! A packet socket on one device: frames as they are, below IP.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    getsockopt_impl,
    ifaddrs::getifaddrs,
    libc, sockopt_impl,
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, getsockopt,
        recvfrom, send, setsockopt, socket, sockopt,
    },
};

/// Room for what the reader has not got to yet; the kernel charges a small packet with its buffer.
const BACKLOG: usize = 256 << 20;

/// `struct tpacket_stats`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TapStatistics {
    packets: u32,
    drops: u32,
}

sockopt_impl!(
    /// Frames that came and frames that found no room, since the last call.
    GetTapStatistics,
    GetOnly,
    libc::SOL_PACKET,
    libc::PACKET_STATISTICS,
    TapStatistics
);

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It came off the wire.
    In,
    /// This machine sends it.
    Out,
}

/// Open until dropped. Never blocks.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
    device: LinkAddr,
}

impl Tap {
    /// On `device` of this thread's network namespace.
    pub fn open(device: &str) -> io::Result<Self> {
        let device = link(device)?;
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (family, all) = (AddressFamily::Packet, SockProtocol::EthAll);
        let socket = socket(family, SockType::Raw, flags, all)?;
        // From here on only this device; what came before was any device's.
        bind(socket.as_raw_fd(), &device)?;
        let tap = Self { socket, device };
        let mut frame = [0; 64];
        while tap.receive(&mut frame)?.is_some() {}
        tap.lost()?;
        Ok(tap)
    }

    /// With room for a reader that is slow at times; needs CAP_NET_ADMIN.
    pub fn roomy(self) -> io::Result<Self> {
        setsockopt(&self.socket, sockopt::RcvBufForce, &BACKLOG)?;
        Ok(self)
    }

    /// The next frame: the part of it that fits, its way. `None` when there is none at the moment.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<(&'a [u8], Way)>> {
        match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
            Ok((len, from)) => {
                let sent = from.is_some_and(|from| from.pkttype() == libc::PACKET_OUTGOING);
                Ok(Some((&buffer[..len], if sent { Way::Out } else { Way::In })))
            }
            Err(nix::Error::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a frame on the wire.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::empty())?;
        Ok(())
    }

    /// Frames that found no room since the last call.
    pub fn lost(&self) -> io::Result<u32> {
        Ok(getsockopt(&self.socket, GetTapStatistics)?.drops)
    }

    /// Its hardware address.
    #[must_use]
    pub fn address(&self) -> [u8; 6] {
        self.device.addr().unwrap_or_default()
    }
}

impl std::os::fd::AsFd for Tap {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn link(device: &str) -> io::Result<LinkAddr> {
    let found = getifaddrs()?.filter(|entry| entry.interface_name == device);
    let mut links = found.filter_map(|entry| entry.address?.as_link_addr().copied());
    links.next().ok_or_else(|| io::Error::other(format!("no device {device}")))
}
