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

/// `struct tcp_info` of `linux/tcp.h` as far as it goes since kernel 4.19; the C library's is older.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TcpInfo {
    state: u8,
    _flags: [u8; 7],
    _times_and_windows: [u32; 24],
    _rates_and_acknowledged: [u64; 4],
    /// Packets sent, each segment of a super-packet and each repetition counted.
    segs_out: u32,
    segs_in: u32,
    _data_segs: [u32; 4],
    _rates_and_waits: [u64; 4],
    _delivered: [u32; 2],
    /// Payload, repetitions included: under load a probe for a lost tail goes out for nothing.
    bytes_sent: u64,
    _bytes_retrans: u64,
    /// Repetitions that the other end has reported as such.
    dsack_dups: u32,
    _reord_seen: u32,
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
    let near = ask(&stream, client.1, server.1)?;
    let far = serving.join().map_err(|_| io::Error::other("the server panicked"))??;
    let ip = if v6 { 40 } else { 20 };
    let up = wire_bytes(ip, near.segs_out, &near, &far);
    println!("up {up}\ndown {}", wire_bytes(ip, near.segs_in, &far, &near));
    Ok(())
}

/// What `packets` from one end to the other weigh. Each has a timestamp; a SYN has three more
/// options; a report of a repetition rides on one packet.
fn wire_bytes(ip_header: u64, packets: u32, from: &TcpInfo, to: &TcpInfo) -> u64 {
    const TCP_HEADER: u64 = 20 + 12;
    const SYN_OPTIONS: u64 = 8;
    const REPORT: u64 = 12;
    let headers = u64::from(packets) * (ip_header + TCP_HEADER) + SYN_OPTIONS;
    from.bytes_sent + headers + u64::from(to.dsack_dups) * REPORT
}

fn become_owner(uid: u32) {
    setfsuid(Uid::from_raw(uid));
}

fn serve(mut stream: &TcpStream, up: usize, down: usize) -> io::Result<TcpInfo> {
    stream.read_exact(&mut vec![0; up])?;
    stream.write_all(&vec![0x5a; down])?;
    stream.shutdown(Shutdown::Write)?;
    ends(stream)?;
    closed(stream)
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
