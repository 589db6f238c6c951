//! Finding server processes: those that listen, and from them those that have clients.

use std::{collections::HashMap, time::Duration};

use super::{
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
/// Between two looks at the children of the listeners.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// Knows the listeners.
#[derive(Debug, Default)]
pub struct Walk {
    listeners: HashMap<u32, Process>,
    left: Vec<u32>,
    again_at: Duration,
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
        for pid in self.left.split_off(rest) {
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

    /// A process that a line names has this origin.
    pub fn met(&mut self, origin: &Origin) {
        if let Origin::Listener(listener) = origin {
            self.listeners.insert(listener.pid, *listener);
        }
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
                self.listeners.insert(pid, it);
                None
            }
            Origin::Orphan => Some((pid, it.start_time)),
        }
    }

    /// The listeners' children that are not known yet.
    fn list(&mut self, proc: &ProcRoot, known: impl Fn(u32) -> bool, found: &mut Vec<(u32, u64)>) {
        let mut without = false;
        self.listeners.retain(|pid, listener| {
            let Some(children) = proc.children(*pid) else {
                let lives = process(proc, *pid).is_some_and(|it| it == *listener);
                without |= lives;
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
