//! Finding server processes: those that listen, and from them those that have clients.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    Listener, SessionEvent,
    process::{Origin, Process, listens, origin, process},
    procfs::ProcRoot,
    sockets::{Tables, tcp_of},
};

/// Processes looked at in one poll of a walk, but for the first walk.
const STEP: usize = 256;
/// Between two walks. What they find is what no log line told of: servers started since, and
/// sessions that have lost their listener.
const EVERY: Duration = Duration::from_mins(1);
/// The same where the kernel does not list children: then sessions are found this way too.
const EVERY_WITHOUT_CHILDREN: Duration = Duration::from_secs(5);
/// Between two looks at processes that were not there before: a server just started is to be known
/// before its first client is. Each is looked at twice, for it may become a server in between.
const NEW_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the children of the listeners.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// Knows the listeners.
#[derive(Debug, Default)]
pub struct Walk {
    listeners: HashMap<u32, Process>,
    /// What has become of listeners since it was last told.
    changes: Vec<SessionEvent>,
    left: Vec<u32>,
    /// Processes that are not new any more.
    seen: HashSet<u32>,
    /// Those that were new at the last look.
    new: Vec<u32>,
    again_at: Duration,
    new_at: Duration,
    list_at: Duration,
    walked: bool,
    without_children: bool,
}

impl Walk {
    /// Processes that may have a client, each with its start. Those in `known` are passed over.
    pub fn poll(
        &mut self,
        proc: &ProcRoot,
        tables: &mut Tables,
        now: Duration,
        known: impl Fn(u32) -> bool,
    ) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        if self.left.is_empty() && now >= self.again_at {
            self.left = proc.pids();
            let every = if self.without_children { EVERY_WITHOUT_CHILDREN } else { EVERY };
            self.again_at = now + every;
        }
        let step = if std::mem::replace(&mut self.walked, true) { STEP } else { usize::MAX };
        let rest = self.left.len().saturating_sub(step);
        let mut due = self.left.split_off(rest);
        if now >= self.new_at {
            self.new_at = now + NEW_EVERY;
            due.extend(self.new_processes(proc));
        }
        for pid in due {
            if !known(pid) && !self.listeners.contains_key(&pid) {
                found.extend(self.role(proc, tables, pid));
            }
        }
        if now >= self.list_at {
            self.list_at = now + LIST_EVERY;
            self.list(proc, known, &mut found);
        }
        found
    }

    /// What has become of listeners since the last call.
    pub fn changes(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.changes)
    }

    /// A process that a line names has this origin.
    pub fn met(&mut self, origin: &Origin) {
        if let Origin::Listener(listener) = origin {
            self.listens(*listener);
        }
    }

    fn listens(&mut self, it: Process) {
        if self.listeners.insert(it.pid, it) != Some(it) {
            let Process { pid, start_time, server, .. } = it;
            self.changes.push(SessionEvent::Listens(Listener { pid, start_time, server }));
        }
    }

    /// Those that were not there at the look before the last.
    fn new_processes(&mut self, proc: &ProcRoot) -> Vec<u32> {
        let there: HashSet<_> = proc.pids().into_iter().collect();
        let mut due = std::mem::take(&mut self.new);
        self.new = there.difference(&self.seen).copied().collect();
        due.extend(&self.new);
        self.seen = there;
        due
    }

    fn role(&mut self, proc: &ProcRoot, tables: &mut Tables, pid: u32) -> Option<(u32, u64)> {
        let it = process(proc, pid)?;
        match origin(proc, &it) {
            Origin::Foreign => None,
            from @ Origin::Listener(_) => {
                self.met(&from);
                Some((pid, it.start_time))
            }
            Origin::Orphan if is_listener(proc, tables, &it) => {
                self.listens(it);
                None
            }
            Origin::Orphan => Some((pid, it.start_time)),
        }
    }

    /// The listeners' children that are not known yet.
    fn list(&mut self, proc: &ProcRoot, known: impl Fn(u32) -> bool, found: &mut Vec<(u32, u64)>) {
        let mut without = false;
        let changes = &mut self.changes;
        self.listeners.retain(|pid, listener| {
            let Some(children) = proc.children(*pid) else {
                let lives = process(proc, *pid).is_some_and(|it| it == *listener);
                without |= lives;
                if !lives {
                    changes.push(SessionEvent::ListenerEnded { pid: *pid });
                }
                return lives;
            };
            for child in children.into_iter().filter(|child| !known(*child)) {
                let it = process(proc, child).filter(|it| it.parent == *pid);
                found.extend(it.map(|it| (child, it.start_time)));
            }
            true
        });
        self.without_children |= without;
    }
}

/// Listens, and has no client: between accepting one and giving it away it is none for a moment.
/// (A session that forwards a port listens too.)
pub fn is_listener(proc: &ProcRoot, tables: &mut Tables, it: &Process) -> bool {
    let (fds, table) = (proc.fds(it.pid), tables.of(proc, it.pid));
    let has_client = tcp_of(&fds, &table).any(|(_, _, socket)| !socket.listens);
    listens(&fds, &table).next().is_some() && !has_client
}
