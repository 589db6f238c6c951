//! A thread with its own table of descriptors: some sockets, and the sink they send to.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, UdpSocket},
    ops::Range,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{Uid, setfsuid},
};

use crate::place::{Pinned, Place};

/// Payload of a datagram.
const PAYLOAD: [u8; 64] = [0x5a; 64];
/// Datagrams between two looks at the clock; far fewer than a receive buffer holds.
const BURST: u32 = 32;

/// Datagrams to send.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// From any of the first so many sockets, each time; without, from the one in the middle.
    pub any_of: Option<u32>,
    /// For so long; a single datagram where it is zero.
    pub length: Duration,
    /// On the CPU of [`Pinned`].
    pub pinned: bool,
}

/// The thread; ends on drop.
#[derive(Debug)]
pub struct Shard {
    jobs: Option<Sender<Job>>,
    costs: Mutex<Receiver<Vec<f64>>>,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// A socket for each uid at `from`, all bound to `address`, and a sink at `to`; each has sent.
    pub fn start(from: &Place, to: &Place, address: Ipv4Addr, uids: Range<u32>) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (done, costs) = channel();
        let (from, to) = (from.clone(), to.clone());
        let work = move || {
            let mut sockets = Sockets::make(&from, &to, address, uids);
            // The first answer says that the sockets are there.
            let _nobody_waits = done.send(Vec::new());
            for job in todo {
                let _nobody_waits = done.send(sockets.send(job));
            }
        };
        let shard =
            Self { jobs: Some(jobs), costs: Mutex::new(costs), thread: Some(thread::spawn(work)) };
        shard.answer().unwrap_or_else(|| panic!("a sender has panicked; see above"));
        shard
    }

    /// Sends, and waits until it is done: nanoseconds a datagram of each burst.
    pub fn run(&self, job: Job) -> Vec<f64> {
        let told = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        let answer = if told { self.answer() } else { None };
        answer.unwrap_or_else(|| panic!("a sender has panicked; see above"))
    }

    fn answer(&self) -> Option<Vec<f64>> {
        self.costs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.jobs = None;
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

struct Sockets {
    senders: Vec<UdpSocket>,
    sink: UdpSocket,
    random: u64,
}

impl Sockets {
    fn make(from: &Place, to: &Place, address: Ipv4Addr, uids: Range<u32>) -> Self {
        unshare(CloneFlags::CLONE_FILES).unwrap_or_else(|e| panic!("own descriptors: {e}"));
        let sink = to.enter(|| {
            setfsuid(Uid::from_raw(uids.start));
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        });
        let senders = from.enter(|| connect_all(&sink, address, uids));
        sink.set_nonblocking(true).unwrap_or_else(|e| panic!("the sink: {e}"));
        Self { senders, sink, random: 0x9e37_79b9_7f4a_7c15 }
    }

    fn send(&mut self, job: Job) -> Vec<f64> {
        let _pinned = job.pinned.then(Pinned::new);
        if job.length.is_zero() {
            self.burst(None, 1);
            return Vec::new();
        }
        let (started, mut costs) = (Instant::now(), Vec::new());
        while started.elapsed() < job.length {
            let took = self.burst(job.any_of, BURST);
            costs.push(took.as_secs_f64() * 1e9 / f64::from(BURST));
        }
        costs
    }

    /// The time of the sends alone; every datagram must arrive.
    fn burst(&mut self, any_of: Option<u32>, datagrams: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..datagrams {
            let index = self.index(any_of);
            let sent = self.senders[index].send(&PAYLOAD);
            sent.unwrap_or_else(|e| panic!("cannot send: {e}"));
        }
        let took = start.elapsed();
        assert_eq!(self.empty_sink(), datagrams, "datagrams on loopback were lost");
        took
    }

    fn empty_sink(&self) -> u32 {
        let (mut buffer, mut got) = ([0; PAYLOAD.len()], 0);
        loop {
            match self.sink.recv(&mut buffer) {
                Ok(_) => got += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return got,
                Err(error) => panic!("the sink: {error}"),
            }
        }
    }

    /// Marsaglia's xorshift: a few instructions, so that it does not show.
    #[expect(clippy::cast_possible_truncation, reason = "any bits of a random number will do")]
    fn index(&mut self, any_of: Option<u32>) -> usize {
        let Some(count) = any_of else { return self.senders.len() / 2 };
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random as u32 % count) as usize
    }
}

fn connect_all(
    sink: &UdpSocket,
    address: Ipv4Addr,
    uids: Range<u32>,
) -> io::Result<Vec<UdpSocket>> {
    let to = sink.local_addr()?;
    let mut buffer = [0; PAYLOAD.len()];
    let sockets = uids.map(|uid| {
        // A socket belongs to the file-system uid of the thread that makes it.
        setfsuid(Uid::from_raw(uid));
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(to)?;
        socket.send(&PAYLOAD)?;
        sink.recv(&mut buffer)?;
        Ok(socket)
    });
    sockets.collect()
}
