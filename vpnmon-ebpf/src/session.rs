//! Tags a new socket with whoever's session has made it.

use aya_ebpf::{EbpfContext as _, programs::SockContext};
use vpnmon_common::{
    owner::SocketOwner,
    session::{Session, TICKS_A_SECOND},
};

use crate::{
    helpers::{current_process_id, current_uid, store},
    kernel::{self, Structure},
    maps,
    sockets::Socket,
};

const NANOSECONDS_A_TICK: u64 = 1_000_000_000 / TICKS_A_SECOND;

/// Tags the socket of `ctx` if the process that makes it belongs to a session as root.
///
/// What a session's user runs needs no tag: it has the user's uid, and who has become somebody else
/// by su or sudo is that one.
#[inline(always)]
pub fn tag(ctx: &SockContext) {
    let Some((slot, heeds_mark)) = slot_of_current_process() else {
        return;
    };
    let socket = Socket(ctx.as_ptr());
    if let Some(tag) = socket.tag_to_be() {
        let is_inside = kernel::sock(socket).is_some_and(Structure::sock_is_elsewhere);
        let owner = SocketOwner { heeds_mark, ..SocketOwner::new(slot, is_inside) };
        store(tag, owner.encode());
    }
}

/// And whether the mark of a socket of it decides.
#[inline(always)]
fn slot_of_current_process() -> Option<(u32, bool)> {
    let id = current_process_id();
    let process = kernel::current_process();
    if let Some(session) = maps::session(id).filter(|it| is_of(it, process)) {
        return Some((session.slot, session.sets_marks));
    }
    if current_uid() != 0 {
        return None;
    }
    let parent = process?.task_parent()?;
    let server = maps::session(parent.task_process()?).filter(|it| is_of(it, Some(parent)))?;
    if !server.children_wait {
        return None;
    }
    maps::begin_waiting(id, start_ticks(process)?).map(|slot| (slot, false))
}

/// Whether the session is of this process, and not of an earlier one with its id. Where the kernel
/// does not tell, the id must do.
#[inline(always)]
fn is_of(session: &Session, process: Option<Structure>) -> bool {
    start_ticks(process).is_none_or(|start| start == session.start_ticks)
}

#[inline(always)]
fn start_ticks(process: Option<Structure>) -> Option<u64> {
    process?.task_start().map(|nanoseconds| nanoseconds / NANOSECONDS_A_TICK)
}
