//! A lossy hop: passes frames between two devices, but not all, and not all in order.

use std::{collections::VecDeque, io, os::fd::AsFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vpnmon_tests::tap::{Tap, Way};

/// The largest Ethernet frame of a jumbo link.
const FRAME: usize = 1 << 14;
/// How many frames overtake one that is delayed.
const OVERTAKE: usize = 2;
/// A delayed frame that nothing overtakes goes on after this long.
const PATIENCE_MS: u16 = 5;

pub fn pass(devices: &[String; 2], lose: u32, delay: u32) -> io::Result<()> {
    let taps = [Tap::open(&devices[0])?.roomy()?, Tap::open(&devices[1])?.roomy()?];
    let mut lanes = [Lane::default(), Lane::default()];
    println!("ready");
    loop {
        let mut waits = [&taps[0], &taps[1]].map(|tap| PollFd::new(tap.as_fd(), PollFlags::POLLIN));
        let delayed = lanes.iter().any(|lane| !lane.delayed.is_empty());
        let timeout = if delayed { PATIENCE_MS.into() } else { PollTimeout::NONE };
        let idle = poll(&mut waits, timeout)? == 0;
        for (lane, from, to) in [(0, &taps[0], &taps[1]), (1, &taps[1], &taps[0])] {
            let lane = &mut lanes[lane];
            if idle {
                lane.release(to)?;
            }
            lane.pass(from, to, lose, delay)?;
        }
    }
}

/// One direction.
#[derive(Default)]
struct Lane {
    seen: u32,
    /// Each with the number of frames still to overtake it.
    delayed: VecDeque<(usize, Vec<u8>)>,
}

impl Lane {
    fn pass(&mut self, from: &Tap, to: &Tap, lose: u32, delay: u32) -> io::Result<()> {
        let mut buffer = [0; FRAME];
        while let Some((frame, way)) = from.receive(&mut buffer)? {
            // The other lane's frames come by too, as they leave.
            if way == Way::Out {
                continue;
            }
            self.seen += 1;
            if self.seen.is_multiple_of(lose) {
                continue;
            }
            if self.seen.is_multiple_of(delay) {
                self.delayed.push_back((OVERTAKE, frame.to_vec()));
                continue;
            }
            to.send(frame)?;
            self.overtaken(to)?;
        }
        Ok(())
    }

    fn overtaken(&mut self, to: &Tap) -> io::Result<()> {
        self.delayed.iter_mut().for_each(|(left, _)| *left -= 1);
        while let Some((_, frame)) = self.delayed.pop_front_if(|(left, _)| *left == 0) {
            to.send(&frame)?;
        }
        Ok(())
    }

    fn release(&mut self, to: &Tap) -> io::Result<()> {
        self.delayed.drain(..).try_for_each(|(_, frame)| to.send(&frame))
    }
}
