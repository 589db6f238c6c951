//! Datagrams as fast as they go, until nothing goes any more.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    thread,
};

use nix::errno::Errno;

/// Prints how many datagrams the kernel has taken.
pub fn send(to: SocketAddr, threads: u32, payload: usize, ends: (u32, u64)) -> io::Result<()> {
    let senders: Vec<_> =
        (0..threads).map(|_| thread::spawn(move || one(to, payload, ends))).collect();
    let mut sent = 0;
    for sender in senders {
        sent += sender.join().map_err(|_| io::Error::other("a sender panicked"))??;
    }
    println!("sent {sent}");
    Ok(())
}

fn one(to: SocketAddr, payload: usize, (refusals, most): (u32, u64)) -> io::Result<u64> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let datagram = vec![0x5a; payload];
    let (mut sent, mut refused) = (0, 0);
    while refused < refusals && sent < most {
        match socket.send_to(&datagram, to) {
            Ok(_) => sent += 1,
            // What a cgroup program's refusal is to the sender.
            Err(error) if error.raw_os_error() == Some(Errno::EPERM as i32) => refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Prints `port N` and throws away what comes, until it is killed.
pub fn swallow(at: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    println!("port {}", socket.local_addr()?.port());
    let mut buffer = vec![0; 1 << 16];
    loop {
        socket.recv(&mut buffer)?;
    }
}
