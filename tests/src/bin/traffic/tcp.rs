//! TCP, both ways at once.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};
use vpnmon_tests::{hello, order::Exchange};

use crate::pace;

const GIVE_UP: Duration = Duration::from_secs(20);

pub fn listen(at: SocketAddr, exchange: Exchange, connections: u32) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("port {}", listener.local_addr()?.port());
    (0..connections).try_for_each(|_| talk(&listener.accept()?.0, exchange))
}

pub fn answer(at: SocketAddr, exchange: Exchange) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
    println!("port {}", listener.local_addr()?.port());
    let stream = listener.accept()?.0;
    stream.peek(&mut [0])?;
    talk(&stream, exchange)
}

pub fn connect(to: SocketAddr, exchange: Exchange, retry: bool) -> io::Result<()> {
    talk(&(if retry { open(to) } else { TcpStream::connect(to) })?, exchange)
}

pub fn visit(to: SocketAddr, name: &str, exchange: Exchange) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    let hello = hello::records(&hello::message(name), 16_000);
    stream.set_nodelay(true)?;
    stream.write_all(&hello)?;
    let exchange = Exchange { send: exchange.send - hello.len() as u64, ..exchange };
    if exchange.closes_first { converse(&stream, exchange) } else { talk(&stream, exchange) }
}

/// Connects as soon as somebody listens.
pub fn open(to: SocketAddr) -> io::Result<TcpStream> {
    let start = Instant::now();
    loop {
        match TcpStream::connect(to) {
            Err(e) if start.elapsed() < GIVE_UP && e.kind() == ErrorKind::ConnectionRefused => {
                thread::sleep(Duration::from_millis(2));
            }
            other => return other,
        }
    }
}

pub fn many(to: SocketAddr, exchange: Exchange, connections: u32) -> io::Result<()> {
    (0..connections).try_for_each(|_| {
        let stream = TcpStream::connect(to)?;
        if connections == 1 {
            closes_when_acknowledged(&stream)?;
        }
        converse(&stream, exchange)
    })
}

pub fn refused(to: SocketAddr) -> io::Result<()> {
    match TcpStream::connect(to) {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => println!("refused"),
        Err(e) => return Err(e),
        Ok(_) => return Err(io::Error::other("somebody listens there")),
    }
    Ok(())
}

pub fn talk(stream: &TcpStream, exchange: Exchange) -> io::Result<()> {
    closes_when_acknowledged(stream)?;
    converse(stream, exchange)
}

fn converse(stream: &TcpStream, exchange: Exchange) -> io::Result<()> {
    stream.set_nodelay(true)?;
    pace::slow_down(stream)?;
    let sender = stream.try_clone()?;
    let writer = thread::spawn(move || write_all(&sender, exchange));
    read_all(stream, exchange.receive)?;
    writer.join().map_err(|_| io::Error::other("the writer panicked"))??;
    if !exchange.closes_first && exchange.receive.is_some() {
        ends(stream)?;
        pace::before_closing();
    }
    Ok(())
}

/// Makes closing wait until the other end has acknowledged everything, the end included: when this
/// process is gone, none of its packets is on the way.
pub fn closes_when_acknowledged(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 20 })?;
    Ok(())
}

/// Waits until the other end closes, which has nothing more to say.
pub fn ends(stream: impl Read) -> io::Result<()> {
    match read_all(stream, None)? {
        0 => Ok(()),
        extra => Err(io::Error::other(format!("{extra} bytes too many"))),
    }
}

pub fn write_all(mut stream: impl Write, exchange: Exchange) -> io::Result<()> {
    let chunk = vec![0x5a; exchange.write];
    let mut sent = 0;
    let mut announced = 0;
    while sent < exchange.send {
        let left = usize::try_from(exchange.send - sent).unwrap_or(usize::MAX);
        let len = left.min(chunk.len());
        stream.write_all(&chunk[..len])?;
        sent += len as u64;
        if exchange.progress.is_some_and(|step| sent - announced >= step) {
            announced = sent;
            println!("sent {sent}");
        }
    }
    Ok(())
}

/// Reads `wanted` bytes, or all until the other end closes.
pub fn read_all(mut stream: impl Read, wanted: Option<u64>) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 18];
    let mut got = 0;
    while wanted.is_none_or(|wanted| got < wanted) {
        match stream.read(&mut buffer)? {
            0 if wanted.is_none() => break,
            0 => return Err(io::Error::other(format!("the other end closed after {got} bytes"))),
            len => got += len as u64,
        }
    }
    Ok(got)
}
