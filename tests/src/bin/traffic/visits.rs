//! Names of hosts, as users say them, and as those do who flood.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use vpnmon_tests::hello;

/// So many connections are under way at the same time, where nobody waits in between.
const AT_ONCE: u32 = 4;

/// Visits `count` hosts, `a_connection` on each connection.
pub fn visit(
    to: SocketAddr,
    domain: &str,
    (count, a_connection): (u32, u32),
    pause: Duration,
) -> io::Result<()> {
    println!("began");
    let threads = if pause.is_zero() { AT_ONCE } else { 1 };
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let step = usize::try_from(a_connection * threads).map_err(io::Error::other)?;
                    for first in (thread * a_connection..count).step_by(step) {
                        let numbers = first..(first + a_connection).min(count);
                        say(to, &bytes(domain, numbers, a_connection == 1))?;
                        thread::sleep(pause);
                    }
                    Ok(())
                })
            })
            .collect();
        let joined = all
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())));
        joined.collect::<io::Result<()>>()
    })?;
    println!("done");
    Ok(())
}

fn bytes(domain: &str, numbers: std::ops::Range<u32>, is_hello: bool) -> Vec<u8> {
    if is_hello {
        return hello::records(&hello::message(&format!("{:x}.{domain}", numbers.start)), 16_000);
    }
    let mut text = String::new();
    for number in numbers {
        // Writing to a string cannot fail.
        let _ = write!(text, "GET / HTTP/1.1\r\nHost: {number:x}.{domain}\r\n\r\n");
    }
    text.into_bytes()
}

/// Closes after the other end, whose socket then is the one that stays.
fn say(to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    stream.read(&mut [0]).map(drop)
}

/// Sends `payload` until `count` are sent or the time is over.
pub fn send(
    to: SocketAddr,
    payload: &[u8],
    count: u32,
    pause: Duration,
    most: Duration,
) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let (started, mut sent) = (Instant::now(), 0);
    while sent < count && started.elapsed() < most {
        socket.send_to(payload, to)?;
        sent += 1;
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }
    println!("sent {sent}");
    Ok(())
}
