//! TCP sockets by inode: `/proc/net/tcp` and `tcp6`, read once a look and network namespace.

use std::{
    collections::HashMap,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
};

use super::procfs::{Fd, FdKind, ProcRoot};

/// Some four hundred thousand sockets.
const MAX_TABLE_BYTES: u64 = 64 << 20;
/// States of net/tcp_states.h.
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;

/// One TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Whether it waits for clients, else it has one.
    pub listens: bool,
    /// Whose it is.
    pub uid: u32,
}

/// The sockets of one network namespace that listen or are connected, by inode.
pub type TcpTable = HashMap<u64, TcpSocket>;

/// The tables of one look at the machine.
#[derive(Debug, Default)]
pub struct Tables {
    known: HashMap<OsString, Rc<TcpTable>>,
}

impl Tables {
    /// The table that the sockets of `pid` are in.
    pub fn of(&mut self, proc: &ProcRoot, pid: u32) -> Rc<TcpTable> {
        let netns = proc.netns(pid).unwrap_or_else(|| pid.to_string().into());
        let table = self.known.entry(netns).or_insert_with(|| {
            let mut table = TcpTable::new();
            for name in ["tcp", "tcp6"] {
                if let Some(text) = proc.table(pid, name, MAX_TABLE_BYTES) {
                    table.extend(parse(&text));
                }
            }
            Rc::new(table)
        });
        Rc::clone(table)
    }
}

/// Those of `fds` that `table` has, in the order of their numbers.
pub fn tcp_of<'a>(
    fds: &'a [Fd],
    table: &'a TcpTable,
) -> impl Iterator<Item = (Fd, u64, TcpSocket)> + 'a {
    fds.iter().filter_map(|fd| match fd.kind {
        FdKind::Socket(inode) => table.get(&inode).map(|socket| (*fd, inode, *socket)),
        FdKind::PipeIn(_) | FdKind::PipeOut(_) => None,
    })
}

/// Reads a table; lines that are none are passed over.
pub fn parse(text: &[u8]) -> impl Iterator<Item = (u64, TcpSocket)> + '_ {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace().skip(1);
        let (local, remote) = (words.next()?, words.next()?);
        let state = u8::from_str_radix(words.next()?, 16).ok()?;
        let listens = match state {
            LISTEN => true,
            // From ESTABLISHED on one of both ends may have said that it is done.
            ESTABLISHED | 4 | 5 | CLOSE_WAIT => false,
            _ => return None,
        };
        let mut words = words.skip(3);
        let uid = words.next()?.parse().ok()?;
        let inode = words.nth(1)?.parse().ok().filter(|inode| *inode != 0)?;
        let (local, remote) = (address(local)?, address(remote)?);
        Some((inode, TcpSocket { local, remote, listens, uid }))
    })
}

/// `0100007F:0899`: the kernel prints each 32 bits as a number of its own byte order.
fn address(word: &str) -> Option<SocketAddr> {
    let (address, port) = word.split_once(':')?;
    let mut bytes = [0; 16];
    let count = address.len() / 8;
    for (group, into) in bytes.chunks_exact_mut(4).take(count).enumerate() {
        let digits = address.get(group * 8..group * 8 + 8)?;
        into.copy_from_slice(&u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let ip = match (address.len(), bytes) {
        (8, [a, b, c, d, ..]) => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        (32, bytes) => IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn both_tables_are_read() {
        let text = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  3: 0100007F:0899 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 188 1 0 100 0 0 10 0\n\
            \x20  4: 0100007F:0899 0200007F:C580 01 00000000:00000000 02:000AFBC9 00000000  1001        0 189 2 0 20 0 0 11 -1\n\
            \x20  8: 0100007F:A370 0100007F:089A 06 00000000:00000000 03:00001687 00000000     0        0 0 3 0\n\
            \x20  4: 00000000000000000000000001000000:0899 B80D0120000000000000000001000000:9942 01 00000000:00000000 02:0 0 0 0 190 2 0\n\
            \x20  4: 0000000000000000FFFF00000100007F:0899 0000000000000000FFFF00000200007F:9942 08 00000000:00000000 02:0 0 0 0 191 2 0\n\
            junk\n 5: 1 2 01 3";
        let table: TcpTable = parse(text).collect();
        for (inode, local, remote, listens, uid) in [
            (188, "127.0.0.1:2201", "0.0.0.0:0", true, 0),
            (189, "127.0.0.1:2201", "127.0.0.2:50560", false, 1001),
            (190, "[::1]:2201", "[2001:db8::1]:39234", false, 0),
            (191, "127.0.0.1:2201", "127.0.0.2:39234", false, 0),
        ] {
            let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
            assert_eq!(table.get(&inode), Some(&TcpSocket { local, remote, listens, uid }));
        }
        assert_eq!(table.len(), 4);
    }
}
