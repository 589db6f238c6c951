//! A forwarding proxy.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use crate::tcp;

pub fn serve(at: SocketAddr, to: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("port {}", listener.local_addr()?.port());
    let (client, _) = listener.accept()?;
    join(&client, &TcpStream::connect(to)?)
}

/// Passes on what comes from either, to the end of both.
pub fn join(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    for stream in [client, server] {
        stream.set_nodelay(true)?;
        tcp::closes_when_acknowledged(stream)?;
    }
    let (from, into) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || pass(&from, &into));
    pass(server, client)?;
    up.join().map_err(|_| io::Error::other("the proxy panicked"))?
}

/// Until the end, which is passed on too.
fn pass(mut from: &TcpStream, mut into: &TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut into)?;
    into.shutdown(Shutdown::Write)
}
