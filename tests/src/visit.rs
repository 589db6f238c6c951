//! A server that is visited, and what its visitors say.

use std::{
    io::{Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A server that hears all and says nothing.
#[must_use]
pub fn server(ip: IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((ip, 0)).unwrap_or_else(|e| panic!("{ip}: {e}"));
    let at = listener.local_addr().unwrap_or_else(|e| panic!("{ip}: {e}"));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || (&client).read_to_end(&mut Vec::new()));
        }
    });
    at
}

/// Sends `bytes` in writes of `cut` bytes, each a segment, and waits until the other end has them all.
pub fn say(to: SocketAddr, bytes: &[u8], cut: usize) {
    let pieces: Vec<_> = bytes.chunks(cut).collect();
    say_pieces(to, &pieces);
}

/// Sends these pieces, each a segment.
pub fn say_pieces(to: SocketAddr, pieces: &[impl AsRef<[u8]>]) {
    let said = TcpStream::connect(to).and_then(|mut stream| {
        stream.set_nodelay(true)?;
        pieces.iter().try_for_each(|piece| stream.write_all(piece.as_ref()))?;
        stream.shutdown(Shutdown::Write)?;
        stream.read(&mut [0]).map(drop)
    });
    said.unwrap_or_else(|e| panic!("{to}: {e}"));
}
