//! A map's memory, seen as the records that the kernel programs write.

#![allow(unsafe_code, reason = "one of the two places that own the agent's unsafe code")]

use std::{
    io,
    ops::Deref,
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr::{self, NonNull},
};

use vpnmon_common::slot::{Registry, Slot};

/// Records that are made of atomics and nothing else, so that any bytes are valid and the kernel
/// may write while we read.
///
/// # Safety
///
/// All fields must be atomics, without padding.
pub unsafe trait Shared {}
// SAFETY: eight `AtomicU64` in 64 bytes, asserted beside the type.
unsafe impl Shared for Slot {}
// SAFETY: eight `AtomicU64` in 64 bytes, asserted beside the type.
unsafe impl Shared for Registry {}

/// The values of a `BPF_F_MMAPABLE` array, read-only (kernel 5.5).
#[derive(Debug)]
pub struct Mapped<T> {
    start: NonNull<T>,
    len: usize,
}

// SAFETY: it owns its mapping, and the records are atomics.
unsafe impl<T: Shared> Send for Mapped<T> {}

impl<T: Shared> Mapped<T> {
    /// Maps the `len` values of the array behind `map`.
    pub fn new(map: BorrowedFd<'_>, len: u32) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let bytes = bytes::<T>(len)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe {
            let (fd, none) = (map.as_raw_fd(), ptr::null_mut());
            libc::mmap(none, bytes, libc::PROT_READ, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { start, len })
    }
}

impl<T: Shared> Deref for Mapped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is page-aligned, `len` values long (the kernel refuses to map more
        // than the array has) and lives as long as `self`; any bytes are valid records.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        if let Ok(bytes) = bytes::<T>(self.len) {
            // SAFETY: exactly what `new` has mapped; no reference outlives `self`.
            unsafe { libc::munmap(self.start.as_ptr().cast(), bytes) };
        }
    }
}

/// Array elements stand 8 bytes apart at least, which 64-byte records do by themselves.
fn bytes<T>(len: usize) -> io::Result<usize> {
    len.checked_mul(size_of::<T>()).ok_or_else(|| io::Error::other("larger than memory"))
}
