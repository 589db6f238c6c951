//! Listeners over MPTCP (RFC 8684, kernel 5.6): one socket to the process that has made it, and behind it
//! another one of TCP, which gets the packets.
//!
//! What the agent tags is the first. Connections inherit from the second, those of clients without MPTCP
//! too, and these are nearly all: programs in Go listen so wherever the kernel can (Go 1.24). Both have
//! one inode number (`mptcp_subflow_create_socket`).

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use core::ffi::c_void;

use aya_ebpf::{btf_maps::HashMap, macros::btf_map};
use vpnmon_common::owner::MPTCP_LISTENERS;

use crate::{helpers::store, kernel, packet::TCP_LISTEN, sockets::Socket};

/// Tags by inode number, for as long as the agent has the sockets visited.
#[btf_map]
static MPTCP_TAGS: HashMap<u64, u64, { MPTCP_LISTENERS as usize }> = HashMap::new();

/// One TCP socket of all.
#[derive(Clone, Copy)]
pub struct Visit(*const Context);

/// `struct bpf_iter__tcp`, as far as it is read.
#[repr(C)]
struct Context {
    meta: *const c_void,
    sock: *mut SockCommon,
}

/// The beginning of `struct sock_common`, the same since 3.9.
#[repr(C)]
struct SockCommon {
    ends: [u8; 18],
    state: u8,
}

impl Visit {
    /// By the context of the program.
    #[inline(always)]
    pub const fn new(context: *mut c_void) -> Self {
        Self(context.cast())
    }

    /// The socket, if it is a listener.
    #[inline(always)]
    fn listener(self) -> Option<Socket> {
        // SAFETY: the context of an iterator over TCP sockets; the verifier checks the field access.
        let field = unsafe { &raw const (*self.0).sock };
        // SAFETY: as above.
        let sock = unsafe { field.read_volatile() };
        if sock.is_null() {
            return None;
        }
        // SAFETY: not NULL, and a pointer of the kernel's that the verifier follows.
        let state = unsafe { &raw const (*sock).state };
        // SAFETY: as above.
        let is_listening = u32::from(unsafe { state.read_volatile() }) == TCP_LISTEN;
        is_listening.then_some(Socket(sock.cast()))
    }
}

/// Tags the socket that is visited, if it is one behind a listener with a tag.
#[inline(always)]
pub fn pass_tag_on(visit: Visit) {
    let Some(socket) = visit.listener() else { return };
    let Some(inode) = kernel::sock(socket).and_then(kernel::Structure::sock_inode) else { return };
    let Some(tag) = MPTCP_TAGS.get_ptr(inode) else { return };
    // SAFETY: a value of the map, which only the agent writes, and not while this runs.
    let tag = unsafe { tag.read() };
    let Some(into) = socket.tag_to_be() else { return };
    store(into, tag);
    // Its own next packet asks again.
    if let Some(memory) = socket.memory() {
        store(&memory.owner, 0);
    }
}
