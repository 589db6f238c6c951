//! A map's memory, seen as the words that the kernel programs add to.

#![allow(unsafe_code, reason = "one of the two places that own the agent's unsafe code")]

use std::{
    io,
    ops::Deref,
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr::{self, NonNull},
    sync::atomic::AtomicU64,
};

/// What we may do with the words.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// The counters: nobody but the programs may write them.
    Read,
    /// The marks, which we take away.
    ReadWrite,
}

/// The values of a `BPF_F_MMAPABLE` array (kernel 5.5), word by word.
#[derive(Debug)]
pub struct MappedWords {
    start: NonNull<AtomicU64>,
    len: usize,
}

// SAFETY: it owns its mapping, and the words are atomics.
unsafe impl Send for MappedWords {}

impl MappedWords {
    /// Maps the first `len` words of the array behind `map`.
    pub fn new(map: BorrowedFd<'_>, len: usize, access: Access) -> io::Result<Self> {
        let bytes = bytes(len)?;
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            let (fd, none) = (map.as_raw_fd(), ptr::null_mut());
            libc::mmap(none, bytes, protection, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { start, len })
    }
}

impl Deref for MappedWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, `len` words long (the kernel refuses to map more
        // than the array has) and lives as long as `self`; any bytes are valid words, and the
        // kernel may write them while we read, for they are atomics.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for MappedWords {
    fn drop(&mut self) {
        if let Ok(bytes) = bytes(self.len) {
            // SAFETY: exactly what `new` has mapped; no reference outlives `self`.
            unsafe { libc::munmap(self.start.as_ptr().cast(), bytes) };
        }
    }
}

fn bytes(words: usize) -> io::Result<usize> {
    let bytes = words.checked_mul(size_of::<AtomicU64>());
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| io::Error::other("not a size of a map"))
}
