//! TCP on loopback: one bulk transfer, and one short connection after the other.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};
use vpnmon_tests::hello;

use crate::{
    empty::Empty,
    figures::float,
    fleet::Fleet,
    ground::Ground,
    interrupt::Result,
    place::{Pinned, Place},
    plan::Plan,
    rounds::{Case, Name, Series, go_over},
};

const CHUNK: usize = 256 << 10;
/// Connections are made for so long in each round.
const CONNECTING: Duration = Duration::from_millis(80);

/// Both ends of a connection stand in `place`: each buffer passes both hooks.
struct Pair {
    place: Place,
    agent: Option<usize>,
    ends: (TcpStream, TcpStream),
}

/// What is compared.
pub struct Tcp {
    /// Gigabits a second of a bulk transfer.
    pub throughput: Vec<Series>,
    /// Connections a second: connect, accept, close.
    pub connections: Vec<Series>,
    /// The same with a ClientHello in each, by whether its name is captured.
    pub visits: Vec<Series>,
}

/// Whether names are captured, in words of the command line.
const CAPTURE: [&str; 2] = ["off", "on"];

/// Bare, the empty program, and vpnmon with the fewest and the most accounts.
pub fn measure(ground: &Ground, empty: &Empty, fleet: &Fleet<'_>, plan: &Plan) -> Result<Tcp> {
    let mut cases = vec![
        case(Name::new("bare", "bare"), ground.bare(), None),
        case(Name::new("empty", "empty program"), empty.place(&ground.netns), None),
    ];
    for (index, metered) in ground.metered.iter().enumerate() {
        if metered.accounts == 1 || metered.accounts == plan.most() {
            cases.push(case(metered.name.clone(), metered.place(ground), Some(index)));
        }
    }
    let rounds = plan.tcp_rounds;
    let throughput = go_over("TCP throughput", rounds, &cases, |pair| {
        fleet.only(pair.agent);
        gigabits(&pair.ends, plan.tcp_bytes).unwrap_or_else(|e| panic!("TCP transfer: {e}"))
    })?;
    let connections = go_over("TCP connections", rounds, &cases, |pair| {
        fleet.only(pair.agent);
        pair.place.run(connections)
    })?;
    let visits = visits_in_rounds(ground, fleet, rounds)?;
    Ok(Tcp { throughput, connections, visits })
}

/// Of the agent with one account: what reading names adds to counting.
fn visits_in_rounds(ground: &Ground, fleet: &Fleet<'_>, rounds: u32) -> Result<Vec<Series>> {
    let metered = &ground.metered[0];
    let place = metered.place(ground);
    let case = |word| {
        let name = Name::new(&format!("hosts-{word}"), &format!("names captured: {word}"));
        Case { name, setup: word }
    };
    go_over("visits", rounds, &CAPTURE.map(case), |word| {
        fleet.only(Some(0));
        let ended = metered.home.agent(&["hosts", word]);
        assert_eq!(ended.code, 0, "hosts {word}: {}", ended.stderr);
        place.run(visits)
    })
}

fn case(name: Name, place: Place, agent: Option<usize>) -> Case<Pair> {
    let ends = place.run(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        Ok((near, listener.accept()?.0))
    });
    Case { name, setup: Pair { place, agent, ends } }
}

fn gigabits((near, far): &(TcpStream, TcpStream), bytes: u64) -> io::Result<f64> {
    let started = Instant::now();
    let (sent, received) = thread::scope(|scope| {
        let sender = scope.spawn(|| write(near, bytes));
        let received = read(far, bytes);
        (sender.join().unwrap_or_else(|_| Err(io::Error::other("the sender panicked"))), received)
    });
    sent.and(received)?;
    Ok(float(bytes) * 8.0 / started.elapsed().as_secs_f64() / 1e9)
}

fn write(mut stream: &TcpStream, bytes: u64) -> io::Result<()> {
    let chunk = vec![0x5a; CHUNK];
    (0..bytes / CHUNK as u64).try_for_each(|_| stream.write_all(&chunk))
}

fn read(stream: &TcpStream, bytes: u64) -> io::Result<()> {
    let (mut buffer, mut left) = (vec![0; CHUNK], bytes);
    while left > 0 {
        match stream.take(left).read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => left -= len as u64,
        }
    }
    Ok(())
}

fn connections() -> io::Result<f64> {
    connect(|_, _| Ok(()))
}

fn visits() -> io::Result<f64> {
    let hello = hello::records(&hello::message("bench.example"), 16_000);
    let mut heard = vec![0; hello.len()];
    connect(move |mut near, mut far| {
        near.write_all(&hello)?;
        far.read_exact(&mut heard)
    })
}

/// One short connection after the other; how many a second.
fn connect(mut talk: impl FnMut(&TcpStream, &TcpStream) -> io::Result<()>) -> io::Result<f64> {
    let _pinned = Pinned::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let to = listener.local_addr()?;
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < CONNECTING {
        let near = TcpStream::connect(to)?;
        let (far, _) = listener.accept()?;
        talk(&near, &far)?;
        // A reset and no TIME_WAIT, which would use up the ports.
        setsockopt(&near, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
        count += 1;
    }
    Ok(float(count) / started.elapsed().as_secs_f64())
}
