//! The process behind the API: its sockets carry users' traffic, and are none of its uid's.

use std::ops::RangeInclusive;

use crate::{
    session::{Listener, Server},
    sources::sessions::{FdKind, ProcRoot, Tables},
};

/// File names of its program.
const PROGRAMS: [&[u8]; 2] = [b"xray", b"v2ray"];

/// The processes of Xray that listen on one of `ports`, in this network namespace.
///
/// One who could be taken for it would no longer be billed: it must run a program of root's, and
/// not as one of the VPN's users, whose uids are `people`.
pub fn find(proc: &ProcRoot, ports: &[u16], people: &RangeInclusive<u32>) -> Vec<Listener> {
    let candidates = proc.pids().into_iter().filter(|pid| {
        let program = proc.program(*pid);
        let is_xray = program.is_some_and(|name| PROGRAMS.contains(&name.as_slice()));
        is_xray
            && proc
                .uids(*pid)
                .is_some_and(|(real, effective)| real == effective && !people.contains(&real))
    });
    let mut tables = Tables::default();
    let listening = candidates.filter_map(|pid| {
        let start_time = proc.stat(pid)?.start_time;
        let table = tables.of(proc, std::process::id());
        let listens = proc.fds(pid).into_iter().any(|fd| match fd.kind {
            FdKind::Socket(inode) => table
                .get(&inode)
                .is_some_and(|socket| socket.listens && ports.contains(&socket.local.port())),
            FdKind::PipeIn(_) | FdKind::PipeOut(_) => false,
        });
        listens.then_some(Listener { pid, start_time, server: Server::Xray })
    });
    listening.collect()
}
