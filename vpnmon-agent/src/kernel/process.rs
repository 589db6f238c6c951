//! The sockets of another process, held open by us.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr, TcpStream},
    os::{
        fd::{AsFd as _, AsRawFd, RawFd},
        unix::fs::MetadataExt as _,
    },
    path::PathBuf,
};

use nix::sys::signal::Signal;
use rustix::{
    fs::fstat,
    net::{ipproto, sockopt::socket_protocol},
};

use super::sys;

/// A process can have a million; one that has just logged in has a handful.
const MAX_SOCKETS: usize = 4096;

/// An internet socket that another process has open.
#[derive(Debug)]
pub struct OpenSocket(TcpStream);

impl OpenSocket {
    /// What it is connected to.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer_addr().ok().map(|peer| SocketAddr::new(peer.ip().to_canonical(), peer.port()))
    }

    /// Its inode number, if it is a socket of MPTCP, with others of TCP behind it.
    pub fn mptcp_inode(&self) -> Option<u64> {
        let is_mptcp = matches!(socket_protocol(&self.0), Ok(Some(ipproto::MPTCP)));
        is_mptcp.then(|| fstat(&self.0).ok().map(|it| it.st_ino)).flatten()
    }

    /// Whether it is connected to this.
    pub fn is_to(&self, ip: Option<IpAddr>, port: Option<u16>) -> bool {
        self.peer().is_some_and(|peer| Some(peer.ip()) == ip && Some(peer.port()) == port)
    }
}

impl AsRawFd for OpenSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The internet sockets of a process, TCP and others (`pidfd_getfd(2)`, kernel 5.6). `is_still`
/// tells whether the process with the id is the one that is meant; asked once we hold it.
pub fn open_sockets(process: u32, is_still: impl Fn() -> bool) -> io::Result<Vec<OpenSocket>> {
    let held = sys::hold_process(process)?;
    if !is_still() {
        return Ok(Vec::new());
    }
    let numbers = fs::read_dir(of(process, "fd"))?.flatten().filter_map(|entry| {
        let is_socket = fs::read_link(entry.path()).ok()?.to_str()?.starts_with("socket:");
        is_socket.then(|| entry.file_name().to_str()?.parse().ok()).flatten()
    });
    let ours = numbers.take(MAX_SOCKETS).filter_map(|number| {
        // Closed meanwhile, or none that may be had: then nothing can be done for it.
        let socket = TcpStream::from(sys::duplicate(held.as_fd(), number).ok()?);
        // Sockets of other families have no such address.
        socket.local_addr().is_ok().then_some(OpenSocket(socket))
    });
    Ok(ours.collect())
}

/// Sends a signal to a process. `is_still` as with [`open_sockets`]; one that is gone is fine.
pub fn signal(process: u32, is_still: impl Fn() -> bool, signal: Signal) -> io::Result<()> {
    let sent = sys::hold_process(process).and_then(|held| {
        if is_still() { sys::signal(held.as_fd(), signal as i32) } else { Ok(()) }
    });
    match sent {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        sent => sent,
    }
}

/// Whether a process is in another network namespace than we are.
pub fn is_elsewhere(process: u32) -> bool {
    let netns = |path| fs::metadata(path).map(|file| file.ino()).ok();
    netns(of(process, "ns/net")) != netns(PathBuf::from("/proc/self/ns/net"))
}

fn of(process: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{name}"))
}
