//! What somebody does on the internet, through a tunnel.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use vpnmon_tests::hello;

use crate::{
    cast::{Host, Person, socks_port},
    internet::PORTS,
};

/// What a question asks for at most.
const MOST_AT_ONCE: Duration = Duration::from_secs(1);
/// Between two questions, and between those of somebody who has enough.
const TICK: Duration = Duration::from_millis(100);
const LONG_TICK: Duration = Duration::from_secs(2);
/// How long somebody stays at a host.
const STAY: Duration = Duration::from_secs(6);
/// Who is cut off gets no answer.
const GIVE_UP: Duration = Duration::from_secs(4);
const AGAIN: Duration = Duration::from_secs(1);

/// Visits one host after the other as long as the demo lasts.
pub fn begin(number: usize, person: &'static Person) {
    thread::spawn(move || {
        let now = Instant::now();
        let mut walk = Walk { person, started: now, asked: now, moved: 0 };
        for host in person.hosts().iter().cycle() {
            if walk.visit(number, host).is_err() {
                thread::sleep(AGAIN);
            }
        }
    });
}

struct Walk {
    person: &'static Person,
    started: Instant,
    /// When something was last asked for.
    asked: Instant,
    /// Payload bytes, both ways.
    moved: u64,
}

impl Walk {
    fn visit(&mut self, number: usize, host: &Host) -> io::Result<()> {
        let mut stream = connect(socks_port(number), host)?;
        let came = Instant::now();
        while came.elapsed() < STAY {
            let begun = Instant::now();
            let has_enough = self.moved >= self.person.most;
            self.exchange(&mut stream, has_enough)?;
            let tick = if has_enough { LONG_TICK } else { TICK };
            thread::sleep(tick.saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    fn exchange(&mut self, stream: &mut TcpStream, has_enough: bool) -> io::Result<()> {
        // A machine that is late has more to do; a connection that stood still has not.
        let passed = self.asked.elapsed().min(MOST_AT_ONCE).as_secs_f64();
        self.asked = Instant::now();
        let part = self.person.shape.part(self.started.elapsed().as_secs_f64()) * passed;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small numbers"
        )]
        let due = |rate: u32| if has_enough { 1 } else { (f64::from(rate) * part) as u32 };
        let (up, down) = (due(self.person.rates.0), due(self.person.rates.1));
        let mut room = vec![7; up.max(down) as usize];
        stream.write_all(&[up.to_be_bytes(), down.to_be_bytes()].concat())?;
        stream.write_all(&room[..up as usize])?;
        stream.read_exact(&mut room[..down as usize])?;
        self.moved += u64::from(up) + u64::from(down);
        Ok(())
    }
}

/// Through SOCKS5 (RFC 1928), by name, and says the name.
fn connect(socks: u16, host: &Host) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, socks))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(GIVE_UP))?;
    stream.set_write_timeout(Some(GIVE_UP))?;
    stream.write_all(&[5, 1, 0])?;
    stream.read_exact(&mut [0; 2])?;
    let port = if host.is_tls { PORTS[0] } else { PORTS[1] };
    let length = u8::try_from(host.name.len()).unwrap_or_default();
    let request = [&[5, 1, 0, 3, length], host.name.as_bytes(), &port.to_be_bytes()].concat();
    stream.write_all(&request)?;
    let mut reply = [0; 10];
    stream.read_exact(&mut reply)?;
    if reply[1] != 0 {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let first = if host.is_tls {
        hello::records(&hello::message(host.name), 16_000)
    } else {
        format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", host.name).into_bytes()
    };
    stream.write_all(&first)?;
    Ok(stream)
}
