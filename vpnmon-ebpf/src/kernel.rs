//! What no helper tells: fields of the kernel's own structures, at offsets that the agent has read
//! in the kernel's own word on its types (BTF).

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use aya_ebpf::{
    Global,
    helpers::{bpf_get_current_task, bpf_probe_read_kernel},
};

use crate::sockets::Socket;

/// A constant to the verifier: what an unknown offset guards is never looked at by it, and so not
/// the helper either, which not every kernel lends.
macro_rules! offsets {
    ($($name:ident),*) => {
        $(
            #[unsafe(no_mangle)]
            static $name: Global<u32> = Global::new(0);
        )*
    };
}

offsets!(
    SOCK_UID,
    SOCK_SOCKET,
    SOCKET_UID,
    SOCKET_INODE,
    SOCK_NET,
    NET_INODE,
    TASK_LEADER,
    TASK_PARENT,
    TASK_TGID,
    TASK_START,
    HOST_NETNS
);

/// The address of a structure in the kernel.
#[derive(Clone, Copy)]
pub struct Structure(u64);

impl Structure {
    /// A field; `None` where its offset is not known or the memory cannot be read.
    #[inline(always)]
    fn field<T: Copy>(self, offset: &Global<u32>) -> Option<T> {
        let offset = offset.load();
        if offset == 0 {
            return None;
        }
        let address = self.0.wrapping_add(u64::from(offset)) as *const T;
        // SAFETY: the helper answers with an error where nothing can be read; what is there is of
        // this type by the kernel's own word, and numbers have no invalid values.
        unsafe { bpf_probe_read_kernel(address) }.ok()
    }

    /// The structure that a field points to.
    #[inline(always)]
    fn pointer(self, offset: &Global<u32>) -> Option<Self> {
        self.field(offset).filter(|address| *address != 0).map(Self)
    }
}

/// The `struct sock` of a full socket.
#[inline(always)]
pub fn sock(socket: Socket) -> Option<Structure> {
    if SOCK_UID.load() == 0 {
        return None;
    }
    // The verifier forbids arithmetic on a socket's pointer; a copy of its bytes is a number to it.
    let pointer = socket.0 as u64;
    // SAFETY: a word of this program's own stack.
    unsafe { bpf_probe_read_kernel(&raw const pointer) }.ok().map(Structure)
}

impl Structure {
    /// The uid of a `struct sock` as the machine knows it, outside of all user namespaces.
    ///
    /// In a network namespace that a user has made together with a user namespace (`unshare -Urn`),
    /// `bpf_get_socket_uid` answers with the uid inside (`from_kuid_munged(sock_net(sk)->user_ns,
    /// ..)`, seen on 6.18), and that is the user's own choice: root, or any other account.
    ///
    /// The inode has it too, and is right also for the further subflows of MPTCP, which the kernel
    /// makes itself: as root, but for the inode (`mptcp_subflow_create_socket`). It is freed by RCU, so
    /// not while we look.
    #[inline(always)]
    pub fn sock_uid(self) -> Option<u32> {
        let of_inode = self.pointer(&SOCK_SOCKET).and_then(|socket| socket.field(&SOCKET_UID));
        of_inode.or_else(|| self.field(&SOCK_UID))
    }

    /// The number of the inode of a `struct sock`, by which its owner's `/proc` knows it.
    #[inline(always)]
    pub fn sock_inode(self) -> Option<u64> {
        self.pointer(&SOCK_SOCKET).and_then(|socket| socket.field(&SOCKET_INODE))
    }

    /// Whether somebody holds this `struct sock`. A connection that waits to be accepted is held by
    /// nobody, and `accept(2)` gives it the accepting process's uid (`sock_graft`).
    #[inline(always)]
    pub fn sock_is_held(self) -> bool {
        self.pointer(&SOCK_SOCKET).is_some()
    }

    /// Whether this `struct sock` is of another network namespace than the metered interfaces.
    #[inline(always)]
    pub fn sock_is_elsewhere(self) -> bool {
        if HOST_NETNS.load() == 0 {
            return false;
        }
        let inode: Option<u32> = self.pointer(&SOCK_NET).and_then(|net| net.field(&NET_INODE));
        inode.is_some_and(|inode| inode != HOST_NETNS.load())
    }

    /// Start of a task, in nanoseconds since boot.
    #[inline(always)]
    pub fn task_start(self) -> Option<u64> {
        self.field(&TASK_START)
    }

    /// Process id of a task.
    #[inline(always)]
    pub fn task_process(self) -> Option<u32> {
        self.field(&TASK_TGID)
    }

    /// The process that has made a task's process.
    #[inline(always)]
    pub fn task_parent(self) -> Option<Self> {
        self.pointer(&TASK_PARENT)
    }
}

/// The main thread of the process that runs.
#[inline(always)]
pub fn current_process() -> Option<Structure> {
    if TASK_LEADER.load() == 0 {
        return None;
    }
    // SAFETY: has no arguments.
    let task = unsafe { bpf_get_current_task() };
    Structure(task).pointer(&TASK_LEADER)
}
