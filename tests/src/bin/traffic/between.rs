//! One TCP connection over loopback, both ends in one process, counted by the kernel's own TCP.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use nix::{
    getsockopt_impl, libc, sockopt_impl,
    sys::socket::getsockopt,
    unistd::{Uid, setfsuid},
};

const GIVE_UP: Duration = Duration::from_secs(20);
/// `enum tcp_state` in the kernel's `tcp_states.h`.
const TCP_CLOSE: u8 = 7;

/// `struct tcp_info` of `linux/tcp.h` as far as it goes since kernel 4.2; the C library's is older.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TcpInfo {
    state: u8,
    _flags: [u8; 7],
    _times_and_windows: [u32; 24],
    _rates_and_bytes: [u64; 4],
    /// Packets sent, each segment of a super-packet counted.
    segs_out: u32,
    segs_in: u32,
}

sockopt_impl!(GetTcpInfo, GetOnly, libc::IPPROTO_TCP, libc::TCP_INFO, TcpInfo);

/// Each end: uid of its socket, payload bytes it sends.
pub fn talk(client: (u32, usize), server: (u32, usize), v6: bool) -> io::Result<()> {
    // A socket belongs to the file-system uid of the thread that makes or accepts it.
    become_owner(server.0);
    let any: SocketAddr =
        if v6 { (Ipv6Addr::LOCALHOST, 0).into() } else { (Ipv4Addr::LOCALHOST, 0).into() };
    let listener = TcpListener::bind(any)?;
    let to = listener.local_addr()?;
    let (sender, accepted) = channel();
    let serving = thread::spawn(move || {
        become_owner(server.0);
        let (stream, _) = listener.accept()?;
        let _client_has_failed = sender.send(());
        serve(&stream, client.1, server.1)
    });
    become_owner(client.0);
    let stream = TcpStream::connect(to)?;
    // Data that overtakes the handshake's last packet on another CPU sends that packet through the
    // ingress hook twice, at the listener and at the new socket (`req_stolen` in `tcp_v4_rcv`).
    let _server_has_failed = accepted.recv();
    let counted = ask(&stream, client.1, server.1)?;
    serving.join().map_err(|_| io::Error::other("the server panicked"))??;
    println!("sent {}\nreceived {}", counted.segs_out, counted.segs_in);
    Ok(())
}

fn become_owner(uid: u32) {
    setfsuid(Uid::from_raw(uid));
}

fn serve(mut stream: &TcpStream, up: usize, down: usize) -> io::Result<()> {
    stream.read_exact(&mut vec![0; up])?;
    stream.write_all(&vec![0x5a; down])?;
    stream.shutdown(Shutdown::Write)?;
    ends(stream)?;
    closed(stream).map(drop)
}

fn ask(mut stream: &TcpStream, up: usize, down: usize) -> io::Result<TcpInfo> {
    stream.write_all(&vec![0x5a; up])?;
    stream.read_exact(&mut vec![0; down])?;
    ends(stream)?;
    stream.shutdown(Shutdown::Write)?;
    closed(stream)
}

/// The other end has nothing more to say.
fn ends(mut stream: &TcpStream) -> io::Result<()> {
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("more bytes than were asked for")),
    }
}

/// What the connection took, once both ends have acknowledged everything.
fn closed(stream: &TcpStream) -> io::Result<TcpInfo> {
    let start = Instant::now();
    loop {
        let info = getsockopt(stream, GetTcpInfo)?;
        if info.state == TCP_CLOSE {
            return Ok(info);
        }
        if start.elapsed() > GIVE_UP {
            return Err(io::Error::other(format!("the connection does not end: {info:?}")));
        }
        thread::sleep(Duration::from_millis(1));
    }
}
