//! A VPN without the encryption: packets of one tun device come out of another.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    path::Path,
};

use nix::{
    libc::EIO,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, setns},
};
use vpnmon_tests::tun;

/// The largest IP packet.
const PACKET: usize = 1 << 16;

/// Makes a device in each namespace, then passes packets until it is killed.
pub fn pass(ends: &[(String, String); 2]) -> io::Result<()> {
    let ends = [open(&ends[0])?, open(&ends[1])?];
    println!("ready");
    let mut packet = vec![0; PACKET];
    loop {
        let mut waits = [&ends[0], &ends[1]].map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN));
        poll(&mut waits, PollTimeout::NONE)?;
        for (from, to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            pass_all(from, to, &mut packet)?;
        }
    }
}

fn open((netns, device): &(String, String)) -> io::Result<File> {
    setns(File::open(Path::new("/run/netns").join(netns))?, CloneFlags::CLONE_NEWNET)?;
    tun::open(device)
}

fn pass_all(mut from: &File, mut to: &File, packet: &mut [u8]) -> io::Result<()> {
    // A device that is down gives nothing, and takes nothing.
    let is_down = |error: &io::Error| error.raw_os_error() == Some(EIO);
    loop {
        match from.read(packet) {
            Ok(len) => match to.write_all(&packet[..len]) {
                Err(error) if !is_down(&error) => return Err(error),
                _ => {}
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_down(&error) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
