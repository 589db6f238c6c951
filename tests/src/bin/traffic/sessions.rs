//! A process for each connection, as SSH servers have it.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    process::Command,
};

use vpnmon_tests::order::{Order, Place, Role};

/// Never ends by itself.
pub fn serve(at: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
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

/// Waits for the client.
pub fn be_one() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
