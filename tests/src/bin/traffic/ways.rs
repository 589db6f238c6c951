//! TCP sent by other system calls than `write`.

#![allow(unsafe_code, reason = "an io_uring entry names memory that the kernel will read")]

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
};

use io_uring::{IoUring, opcode, types};
use nix::{
    fcntl::{SpliceFFlags, splice},
    libc, setsockopt_impl, sockopt_impl,
    sys::{
        sendfile::sendfile,
        socket::{ControlMessage, MsgFlags, sendmsg, setsockopt},
    },
    unistd::pipe,
};
use vpnmon_tests::order::Way;

use crate::{pace, tcp};

const CHUNK: usize = 64 * 1024;
/// Sends under way in the ring at once.
const DEPTH: u32 = 8;

sockopt_impl!(ZeroCopy, SetOnly, libc::SOL_SOCKET, libc::SO_ZEROCOPY, bool);

pub fn send(to: SocketAddr, way: Way, bytes: usize) -> io::Result<()> {
    let stream = TcpStream::connect(to)?;
    tcp::closes_when_acknowledged(&stream)?;
    pace::slow_down(&stream)?;
    match way {
        Way::SendFile => from_file(&stream, bytes),
        Way::Splice => from_pipe(&stream, bytes),
        Way::IoUring => from_ring(&stream, bytes),
        Way::ZeroCopy => without_copy(&stream, bytes),
    }?;
    tcp::ends(&stream)
}

fn from_file(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&vec![0x5a; bytes])?;
    let mut offset = 0;
    while usize::try_from(offset).is_ok_and(|sent| sent < bytes) {
        sendfile(stream, &file, Some(&mut offset), bytes)?;
    }
    Ok(())
}

fn from_pipe(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let (read, write) = pipe()?;
    let mut write = File::from(write);
    let mut left = bytes;
    while left > 0 {
        // What an empty pipe holds.
        let filled = left.min(CHUNK);
        write.write_all(&vec![0x5a; filled])?;
        let mut spliced = 0;
        while spliced < filled {
            let more = SpliceFFlags::SPLICE_F_MOVE;
            spliced += splice(&read, None, stream, None, filled - spliced, more)?;
        }
        left -= filled;
    }
    Ok(())
}

fn from_ring(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let mut ring = IoUring::new(DEPTH)?;
    let chunk = vec![0x5a_u8; CHUNK];
    let socket = types::Fd(stream.as_raw_fd());
    let mut left = bytes;
    while left > 0 {
        let mut waiting = 0;
        while left > 0 && waiting < DEPTH {
            let len = u32::try_from(left.min(CHUNK)).unwrap_or(u32::MAX);
            // The kernel goes on until all is sent.
            let send = opcode::Send::new(socket, chunk.as_ptr(), len).flags(libc::MSG_WAITALL);
            let entry = send.build().user_data(len.into());
            // SAFETY: `chunk` and the socket outlive the wait below, which sees every entry done.
            unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
            left -= len as usize;
            waiting += 1;
        }
        ring.submit_and_wait(waiting as usize)?;
        for done in ring.completion() {
            if u64::try_from(done.result()) != Ok(done.user_data()) {
                return Err(io::Error::other(format!("io_uring: {}", done.result())));
            }
        }
    }
    Ok(())
}

fn without_copy(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    setsockopt(stream, ZeroCopy, &true)?;
    let chunk = vec![0x5a; CHUNK];
    let flags = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY);
    let mut left = bytes;
    while left > 0 {
        let part = [IoSlice::new(&chunk[..left.min(CHUNK)])];
        let none: [ControlMessage<'_>; 0] = [];
        left -= sendmsg::<()>(stream.as_raw_fd(), &part, &none, flags, None)?;
    }
    Ok(())
}
