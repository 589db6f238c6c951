//! SSH behind a request for a WebSocket that never becomes one, both ends.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use crate::proxy;

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\n\r\n";
const MAX_HEAD: usize = 4096;

pub fn serve(at: SocketAddr, to: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("port {}", listener.local_addr()?.port());
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(move || {
            if let Err(error) = upgrade(client, to) {
                eprintln!("a client of the proxy: {error}");
            }
        });
    }
}

fn upgrade(mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    if !head(&mut client)?.to_ascii_lowercase().contains("upgrade: websocket") {
        return client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    client.write_all(ANSWER.as_bytes())?;
    proxy::join(&client, &TcpStream::connect(to)?)
}

pub fn ask(to: SocketAddr, forwarded_for: Ipv4Addr) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: ws.test\r\nX-Forwarded-For: {forwarded_for}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let answer = head(&mut stream)?;
    if !answer.starts_with("HTTP/1.1 101 ") {
        return Err(io::Error::other(format!("the proxy said {answer}")));
    }
    let mut up = stream.try_clone()?;
    thread::spawn(move || {
        let copied = pass(&mut io::stdin().lock(), &mut up);
        copied.and_then(|_| up.shutdown(Shutdown::Write))
    });
    // Not through `Stdout`, which keeps back what follows the last line's end.
    let mut out =
        std::fs::File::from(std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?);
    pass(&mut stream, &mut out).map(drop)
}

/// `io::copy` would splice(2) if it saw the types. While that waits for the socket it holds the lock
/// of the pipe, and ssh, reading the pipe, cannot even be killed (6.18).
fn pass(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<u64> {
    io::copy(from, to)
}

/// Up to the empty line and not a byte more: what follows is SSH.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(io::Error::other("a head without an end"));
        }
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
