//! tun devices: what one writes into the file comes in over the device, and what is sent over the
//! device is read from the file.

#![allow(unsafe_code, reason = "TUNSETIFF makes a tun device of a file, and no crate here has it")]

use std::{fs::File, io, os::fd::AsRawFd};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    ioctl_write_int,
    libc::{IFF_NO_PI, IFF_TUN},
};

/// `struct ifreq` with flags.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

ioctl_write_int!(
    /// `TUNSETIFF` (linux/if_tun.h).
    set_interface,
    b'T',
    202
);

/// Makes a device of this name in this thread's network namespace. It is gone when the file is
/// closed; reads do not wait.
pub fn open(device: &str) -> io::Result<File> {
    let file = File::options().read(true).write(true).open("/dev/net/tun")?;
    let flags = i16::try_from(IFF_TUN | IFF_NO_PI).map_err(io::Error::other)?;
    let mut request = Request { name: [0; 16], flags, rest: [0; 22] };
    request.name.iter_mut().zip(device.bytes()).for_each(|(to, from)| *to = from);
    // SAFETY: the request has the size and layout of `struct ifreq` and outlives the call.
    unsafe { set_interface(file.as_raw_fd(), (&raw const request) as u64) }?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(file)
}
