//! System calls that neither aya 0.14 nor a safe library offers.

#![allow(unsafe_code, reason = "one of the two places that own the agent's unsafe code")]

use std::{
    ffi::{CString, c_long},
    fs, io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

/// Commands of bpf(2), from `enum bpf_cmd` (linux/bpf.h).
const BPF_OBJ_GET: c_long = 7;
const BPF_LINK_UPDATE: c_long = 29;

/// The part of `union bpf_attr` that `BPF_OBJ_GET` reads.
#[repr(C)]
struct ObjGet {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

/// The part of `union bpf_attr` that `BPF_LINK_UPDATE` reads.
#[repr(C)]
struct LinkUpdate {
    link_fd: u32,
    new_prog_fd: u32,
    flags: u32,
    old_prog_fd: u32,
}

/// Opens what is pinned at `path`.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attr = ObjGet { pathname: path.as_ptr() as u64, bpf_fd: 0, file_flags: 0 };
    // SAFETY: the attribute has the layout of the command, and the path outlives the call.
    opened(unsafe { bpf(BPF_OBJ_GET, &attr) }?)
}

/// Makes a link run another program, from one packet to the next (kernel 5.7).
pub fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let attr = LinkUpdate {
        link_fd: link.as_raw_fd().cast_unsigned(),
        new_prog_fd: program.as_raw_fd().cast_unsigned(),
        flags: 0,
        old_prog_fd: 0,
    };
    // SAFETY: the attribute has the layout of the command and holds no pointers.
    unsafe { bpf(BPF_LINK_UPDATE, &attr) }.map(|_| ())
}

/// The index of the interface that a link is attached to; 0 when that interface is gone.
pub fn interface_of_link(link: BorrowedFd<'_>) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", link.as_raw_fd()))?;
    let index = text.lines().find_map(|line| line.strip_prefix("ifindex:")?.trim().parse().ok());
    index.ok_or_else(|| io::Error::other("it is no link to an interface"))
}

/// The id of the cgroup that a link is attached to; 0 when that cgroup is gone.
pub fn cgroup_of_link(link: BorrowedFd<'_>) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", link.as_raw_fd()))?;
    let id = text.lines().find_map(|line| line.strip_prefix("cgroup_id:")?.trim().parse().ok());
    id.ok_or_else(|| io::Error::other("it is no link to a cgroup"))
}

/// Holds a process: as long as we do, nobody else gets its id (`pidfd_open(2)`, kernel 5.3).
pub fn hold_process(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: has no pointers.
    opened(unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) })
}

/// Opens what a process has open as `number` (`pidfd_getfd(2)`, kernel 5.6).
pub fn duplicate(process: BorrowedFd<'_>, number: u32) -> io::Result<OwnedFd> {
    // SAFETY: has no pointers.
    opened(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })
}

/// Sends a signal to a process that is held, and to no other (`pidfd_send_signal(2)`, kernel 5.1).
pub fn signal(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let (fd, none) = (process.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: without a siginfo there is no pointer to follow.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The answer of a system call that opens something.
fn opened(answer: c_long) -> io::Result<OwnedFd> {
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(answer).map_err(io::Error::other)?;
    // SAFETY: the kernel just gave us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
///
/// `attr` must have the layout that `command` reads, and its pointers must be valid.
unsafe fn bpf<T>(command: c_long, attr: &T) -> io::Result<c_long> {
    // SAFETY: the size is that of the attribute; the rest is the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attr, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
