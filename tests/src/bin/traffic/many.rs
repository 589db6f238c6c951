//! One datagram from each of many uids, as thousands of accounts would send it.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    ops::Range,
    time::Duration,
};

use nix::{
    sys::socket::{setsockopt, sockopt},
    unistd::{Uid, setfsuid},
};

pub fn send(uids: Range<u32>, payload: usize, mark: u32) -> io::Result<()> {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    sink.set_read_timeout(Some(Duration::from_secs(10)))?;
    let to = sink.local_addr()?;
    let mut buffer = vec![0; payload];
    for uid in uids {
        // A socket belongs to the file-system uid of the thread that makes it.
        setfsuid(Uid::from_raw(uid));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        if mark != 0 {
            setsockopt(&socket, sockopt::Mark, &mark)?;
        }
        socket.send_to(&vec![0x5a; payload], to)?;
        sink.recv(&mut buffer)?;
    }
    println!("done");
    Ok(())
}
