//! A process for each connection, as SSH servers have it.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, OwnedFd},
    process::Command,
};

use vpnmon_tests::order::{Order, Place, Role};

use crate::mptcp;

/// Never ends by itself.
pub fn serve(at: SocketAddr, over_mptcp: bool) -> io::Result<()> {
    let listener = if over_mptcp { mptcp::listener(at) } else { TcpListener::bind(at) }?;
    println!("port {}", listener.local_addr()?.port());
    let order = Order::new(Place::default(), Role::Session);
    let order = serde_json::to_string(&order)?;
    let program = std::env::current_exe()?;
    let mut children = Vec::new();
    loop {
        let (stream, client) = listener.accept()?;
        let child = Command::new(&program).arg(&order).stdin(OwnedFd::from(stream)).spawn()?;
        println!("session {} {}", child.id(), client.port());
        children.push(child);
    }
}

/// Does what the client asks for: a role a line, each answered by one.
pub fn be_one() -> io::Result<()> {
    let mut client = TcpStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    for line in BufReader::new(client.try_clone()?).lines() {
        crate::play(serde_json::from_str(&line?)?)?;
        client.write_all(b"done\n")?;
    }
    Ok(())
}
