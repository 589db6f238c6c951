//! What a socket of the VPN's users reaches, for `doctor`.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use nix::unistd::{Uid, setfsuid};

/// A firewall that drops keeps one waiting.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether a socket with that uid connects. A socket belongs to the file system uid of the thread that
/// makes it (`sock_alloc`), which is what firewalls compare (`meta skuid`, `-m owner`).
pub fn reaches(address: SocketAddr, uid: u32) -> io::Result<bool> {
    let tried = thread::spawn(move || {
        setfsuid(Uid::from_raw(uid));
        TcpStream::connect_timeout(&address, PATIENCE).is_ok()
    });
    tried.join().map_err(|_| io::Error::other("the try has failed"))
}
