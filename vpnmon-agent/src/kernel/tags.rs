//! Whose sockets are whose: what the agent tells the kernel of sessions.

use std::{io, os::fd::AsRawFd};

use anyhow::{Context as _, Result};
use aya::{
    Btf, Ebpf, Pod,
    maps::{HashMap, Map, MapData, Queue, SkStorage},
    programs::{Iter, RawTracePoint, RawTracePointRunOptions, TestRun as _},
};
use vpnmon_common::{
    errand::Errand,
    names::{ERRAND_PROGRAM, LISTENERS_PROGRAM, MPTCP_TAGS, SESSIONS, SOCKETS, TAGS, WAITING},
    owner::{SocketOwner, SocketWords},
    session::{Session, SessionWords},
};

use super::programs::{one_line, program};

/// The maps of sessions and sockets, and the program that does errands.
pub struct Tags {
    ebpf: Ebpf,
    sessions: HashMap<MapData, u32, SessionWords>,
    tagged: SkStorage<MapData, u64>,
    remembered: SkStorage<MapData, SocketWords>,
    waiting: Queue<MapData, u32>,
    listeners: HashMap<MapData, u64, u64>,
}

impl Tags {
    pub(super) fn new(mut ebpf: Ebpf) -> Result<Self> {
        Ok(Self {
            sessions: HashMap::try_from(taken(&mut ebpf, SESSIONS)?)?,
            tagged: storage(&mut ebpf, TAGS)?,
            remembered: storage(&mut ebpf, SOCKETS)?,
            waiting: Queue::try_from(taken(&mut ebpf, WAITING)?)?,
            listeners: HashMap::try_from(taken(&mut ebpf, MPTCP_TAGS)?)?,
            ebpf,
        })
    }

    /// Everything known of processes, those included that have ended since.
    pub fn sessions(&self) -> Vec<(u32, Session)> {
        let known = self.sessions.iter().filter_map(Result::ok);
        known.map(|(process, words)| (process, Session::decode(words))).collect()
    }

    /// What is known of a process id.
    pub fn session(&self, process: u32) -> Option<Session> {
        self.sessions.get(&process, 0).ok().map(Session::decode)
    }

    /// From now on the sockets that this process makes are tagged so.
    pub fn put(&mut self, process: u32, session: Session) -> Result<()> {
        let put = self.sessions.insert(process, session.encode(), 0);
        put.with_context(|| format!("cannot tell the kernel of session {process}"))
    }

    /// Forgets a process. Its sockets keep their tags.
    pub fn forget(&mut self, process: u32) {
        // It may be gone already.
        let _ = self.sessions.remove(&process);
    }

    /// The slot of a uid, given to it now if it has none.
    pub fn slot_of_uid(&mut self, uid: u32) -> Result<u32> {
        self.run(Errand::SlotOfUid(uid))
    }

    /// The slot of a mark, given to it now if it has none.
    pub fn slot_of_mark(&mut self, mark: u32) -> Result<u32> {
        self.run(Errand::SlotOfMark(mark))
    }

    /// A mark is nobody's any more; the slot that it had. Sockets that have found it keep it.
    pub fn forget_mark(&mut self, mark: u32) -> Result<Option<u32>> {
        Ok(Some(self.run(Errand::ForgetMark(mark))?).filter(|slot| *slot != 0))
    }

    /// Moves everything that one slot has counted to another. Whether that was anything.
    pub fn move_bytes(&mut self, from: u32, to: u32) -> Result<bool> {
        Ok(self.run(Errand::Move { from, to })? != 0)
    }

    /// A waiting slot is empty and nothing counts in it any more.
    pub fn give_back(&mut self, slot: u32) -> Result<()> {
        self.waiting.push(slot, 0).context("cannot give a waiting slot back")
    }

    /// What a socket is tagged with.
    pub fn tag(&self, socket: &impl AsRawFd) -> Option<SocketOwner> {
        SocketOwner::decode(self.tagged.get(socket, 0).ok()?)
    }

    /// Tags a socket, and what it listens for.
    pub fn set_tag(&mut self, socket: &impl AsRawFd, owner: SocketOwner) -> Result<()> {
        // The tag first: a packet that asks at this moment looks for it again after remembering.
        let tagged = self.tagged.insert(socket, owner.encode(), 0);
        let remembered = tagged.and_then(|()| {
            // Without a flow: what was another's must not go on in its name. Where a mark decides, the
            // next packet asks for it.
            let remembered = if owner.heeds_mark { 0 } else { owner.encode() };
            self.remembered.insert(socket, [remembered, 0], 0)
        });
        remembered.context("cannot tag a socket")
    }

    /// Gives listeners over MPTCP, by their inode numbers, their tags also where packets come by: the TCP
    /// sockets behind them, from which connections inherit (kernel 5.11: iterators use socket storage).
    pub fn pass_on(&mut self, listeners: &[(SocketOwner, u64)]) -> Result<()> {
        for (owner, inode) in listeners {
            self.listeners.insert(inode, owner.encode(), 0).context("cannot name a listener")?;
        }
        let visited = self.visit_sockets();
        for (_, inode) in listeners {
            // It has just been put there.
            let _ = self.listeners.remove(inode);
        }
        visited
    }

    /// Runs the program once for each TCP socket of this network namespace.
    fn visit_sockets(&mut self) -> Result<()> {
        let program: &mut Iter = program(&mut self.ebpf, LISTENERS_PROGRAM)?;
        if program.fd().is_err() {
            program.load("tcp", &Btf::from_sys_fs()?).map_err(one_line)?;
        }
        let link = program.attach()?;
        let mut visits = program.take_link(link)?.into_file()?;
        io::copy(&mut visits, &mut io::sink()).context("cannot visit the TCP sockets")?;
        Ok(())
    }

    fn run(&mut self, errand: Errand) -> Result<u32> {
        let mut options = RawTracePointRunOptions::new();
        options.args[..3].copy_from_slice(&errand.encode());
        let program: &mut RawTracePoint = program(&mut self.ebpf, ERRAND_PROGRAM)?;
        let result = program.test_run(options).context("the kernel does not do an errand")?;
        Ok(result.return_value)
    }
}

fn taken(ebpf: &mut Ebpf, name: &str) -> Result<Map> {
    ebpf.take_map(name).with_context(|| format!("no map {name} in the object"))
}

fn storage<T: Pod>(ebpf: &mut Ebpf, name: &str) -> Result<SkStorage<MapData, T>> {
    Ok(SkStorage::try_from(taken(ebpf, name)?)?)
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tags")
    }
}
