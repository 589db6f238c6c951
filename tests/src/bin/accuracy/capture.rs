//! Packets as a packet socket sees them: the truth's second means.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::fd::AsFd,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::channel,
    },
    thread::{self, JoinHandle},
};

use nix::{
    poll::{PollFd, PollFlags, poll},
    sched::{CloneFlags, setns},
};
use vpnmon_tests::{
    nft::Count,
    tap::{Tap, Way},
};

use crate::packet::{Packet, Packets};

/// Headers are all that is looked at.
const SNAP: usize = 160;
/// How soon a capture notices that it is to end.
const POLL_MS: u16 = 20;

/// Takes packets as they come.
pub trait Sink: Send + 'static {
    /// One packet.
    fn see(&mut self, packet: &Packet, way: Way);
}

/// Under way in a thread of its own.
#[derive(Debug)]
pub struct Capture<S> {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<(S, u32)>>,
}

impl<S: Sink> Capture<S> {
    /// Everything on `device` in the network namespace `name` from now on.
    pub fn start(name: &str, device: &str, sink: S) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (netns, device) = (Path::new("/run/netns").join(name), device.to_owned());
        let (ready, started) = channel();
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            setns(File::open(netns)?, CloneFlags::CLONE_NEWNET)?;
            let tap = Tap::open(&device)?.roomy()?;
            let _ = ready.send(());
            capture(&tap, sink, &stopped)
        });
        // A thread that fails hangs up, and says why when it is joined.
        let _ = started.recv();
        Self { stop, thread }
    }

    /// What the sink has made of it, once nothing more waits.
    pub fn finish(self) -> Result<S, String> {
        self.stop.store(true, Relaxed);
        let ended = self.thread.join().map_err(|_| "the capture panicked".to_owned())?;
        match ended {
            Ok((sink, 0)) => Ok(sink),
            Ok((_, lost)) => Err(format!("the capture lost {lost} frames")),
            Err(error) => Err(format!("the capture: {error}")),
        }
    }
}

fn capture<S: Sink>(tap: &Tap, mut sink: S, stop: &AtomicBool) -> io::Result<(S, u32)> {
    let mut buffer = [0; SNAP];
    loop {
        // Looked at before the frames: those that came before the stop are taken along.
        let last = stop.load(Relaxed);
        while let Some((frame, way)) = tap.receive(&mut buffer)? {
            if let Some(packet) = Packet::read(frame) {
                sink.see(&packet, way);
            }
        }
        if last {
            return Ok((sink, tap.lost()?));
        }
        poll(&mut [PollFd::new(tap.as_fd(), PollFlags::POLLIN)], POLL_MS)?;
    }
}

/// Adds up what comes off the wire.
#[derive(Debug, Default)]
pub struct Tally(HashMap<Packets, Count>);

impl Tally {
    /// Of these.
    pub fn of(kinds: &[Packets]) -> Self {
        Self(kinds.iter().map(|kind| (*kind, Count::default())).collect())
    }

    /// All of `kinds`.
    pub fn sum(&self, kinds: &[Packets]) -> Count {
        kinds.iter().filter_map(|kind| self.0.get(kind).copied()).sum()
    }
}

impl Sink for Tally {
    fn see(&mut self, packet: &Packet, way: Way) {
        if way == Way::Out {
            return;
        }
        for (_, count) in self.0.iter_mut().filter(|(kind, _)| kind.has(packet)) {
            count.bytes += packet.bytes;
            count.packets += 1;
        }
    }
}
