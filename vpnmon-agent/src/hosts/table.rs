//! The hosts that are known: so many, the oldest out, and no source more than its share.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{
    host::{Changed, Host},
    name::HostName,
    source::{FRESH, Held, Overflow, Source},
};
use crate::model::sighting::Sighting;

/// A table smaller than this is any source's alone.
const SMALL: usize = 4096;
/// The part of a larger one that a source can have.
const SHARE: usize = 4;
/// Visitors kept apart, a host, on average.
const VISITS: usize = 4;

/// The hosts, by name.
#[derive(Debug)]
pub struct Table {
    hosts: HashMap<Arc<str>, Entry>,
    /// Those that can go, by touch.
    order: BTreeMap<u64, Arc<str>>,
    sources: HashMap<Arc<Source>, Held>,
    /// Those that clients without an account have brought, by touch: with forged addresses one of
    /// them is as many sources as it likes.
    of_clients: BTreeMap<u64, Arc<str>>,
    max_hosts: usize,
    visits: usize,
    /// Touches and numbers of hosts.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    host: Arc<Host>,
    touched: u64,
    touched_at: Duration,
    source: Option<Arc<Source>>,
}

/// Where a sighting went.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Into a new host; `evicted` is what had to go for it.
    New { host: Arc<Host>, evicted: Option<Arc<Host>> },
    /// Into one that was there.
    Known(Changed),
    /// Its source has had its share.
    SourceFull,
    /// Everything is an admin's.
    TableFull,
}

impl Table {
    /// An empty one.
    pub fn new(max_hosts: usize) -> Self {
        Self {
            hosts: HashMap::new(),
            order: BTreeMap::new(),
            sources: HashMap::new(),
            of_clients: BTreeMap::new(),
            max_hosts,
            visits: 0,
            next: 0,
        }
    }

    pub const fn max_hosts(&self) -> usize {
        self.max_hosts
    }

    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    pub fn get(&self, name: &str) -> Option<&Arc<Host>> {
        self.hosts.get(name).map(|entry| &entry.host)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Host>> + Clone {
        self.hosts.values().map(|entry| &entry.host)
    }

    /// The rows of what was not taken.
    pub fn overflows(&self) -> impl Iterator<Item = &Overflow> {
        self.sources.values().filter_map(|held| held.overflow.as_ref())
    }

    /// Distinct names that a source may have.
    pub const fn share(&self) -> usize {
        let share = self.max_hosts / SHARE;
        let share = if share < SMALL { SMALL } else { share };
        if share < self.max_hosts { share } else { self.max_hosts }
    }

    /// Changes a host that is there.
    pub fn amend<T>(&mut self, name: &str, change: impl FnOnce(&mut Host) -> T) -> Option<T> {
        let entry = self.hosts.get_mut(name)?;
        // Copied only while a batch that is being written holds it too.
        Some(change(Arc::make_mut(&mut entry.host)))
    }

    /// A name was seen.
    pub fn see(&mut self, name: &HostName, sighting: &Sighting, at: Duration) -> Taken {
        let has_room = self.visits < self.max_hosts.saturating_mul(VISITS);
        if let Some(changed) = self.amend(name.as_str(), |host| host.see(sighting, has_room)) {
            self.visits += changed.visits;
            self.touch(name.as_str(), at);
            return Taken::Known(changed);
        }
        let source = Source::of(sighting);
        let evicted = match self.make_room(&source, at) {
            Ok(evicted) => evicted,
            Err(full) => {
                if full == Taken::SourceFull
                    && let Some(held) = self.sources.get_mut(&source)
                {
                    Overflow::add(&mut held.overflow, sighting);
                }
                return full;
            }
        };
        let mut host = Host::new(name.as_str().into(), name.is_odd(), 0);
        host.see(sighting, has_room);
        let host = self.insert(host, Some(source), at);
        Taken::New { host, evicted }
    }

    /// Makes room for one more name of `source`.
    fn make_room(&mut self, source: &Source, at: Duration) -> Result<Option<Arc<Host>>, Taken> {
        let share = self.share();
        let held = self.sources.get(source);
        if let Some(held) = held.filter(|held| held.names.len() >= share && share < self.max_hosts)
        {
            let oldest = held.names.first_key_value().map(|(_, name)| Arc::clone(name));
            let oldest = oldest.filter(|name| self.is_stale(name, at)).ok_or(Taken::SourceFull)?;
            return Ok(self.remove(&oldest));
        }
        let clients_have_half = self.of_clients.len() >= self.max_hosts / 2;
        let order = if source.is_client() && clients_have_half && share < self.max_hosts {
            &self.of_clients
        } else if self.hosts.len() < self.max_hosts {
            return Ok(None);
        } else {
            &self.order
        };
        let oldest = order.first_key_value().map(|(_, name)| Arc::clone(name));
        let oldest = oldest.ok_or(Taken::TableFull)?;
        Ok(self.remove(&oldest))
    }

    fn is_stale(&self, name: &str, at: Duration) -> bool {
        let touched_at = self.hosts.get(name).map_or(at, |entry| entry.touched_at);
        at.saturating_sub(touched_at) >= FRESH
    }

    /// Puts a host in that is not there; whatever its number was, it is the last now.
    pub fn insert(&mut self, mut host: Host, source: Option<Source>, at: Duration) -> Arc<Host> {
        self.next += 1;
        host.number = self.next;
        self.visits += host.visits.len();
        let name = Arc::clone(&host.name);
        let can_go = !host.is_manual;
        let host = Arc::new(host);
        let source = source.filter(|_| can_go).map(|source| self.shared(source));
        let entry = Entry { host: Arc::clone(&host), touched: 0, touched_at: at, source };
        self.hosts.insert(Arc::clone(&name), entry);
        self.touch(&name, at);
        host
    }

    fn shared(&mut self, source: Source) -> Arc<Source> {
        if let Some((shared, _)) = self.sources.get_key_value(&source) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(source);
        self.sources.insert(Arc::clone(&shared), Held::default());
        shared
    }

    /// The name is the youngest now.
    pub fn touch(&mut self, name: &str, at: Duration) {
        self.next += 1;
        let Some(entry) = self.hosts.get_mut(name) else { return };
        let name = Arc::clone(&entry.host.name);
        let before = std::mem::replace(&mut entry.touched, self.next);
        entry.touched_at = at;
        if entry.host.is_manual {
            return;
        }
        self.order.remove(&before);
        self.order.insert(self.next, Arc::clone(&name));
        if entry.source.as_ref().is_some_and(|source| source.is_client()) {
            self.of_clients.remove(&before);
            self.of_clients.insert(self.next, Arc::clone(&name));
        }
        if let Some(held) = entry.source.as_ref().and_then(|source| self.sources.get_mut(source)) {
            held.names.remove(&before);
            held.names.insert(self.next, name);
        }
    }

    /// Takes a host out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<Host>> {
        let entry = self.hosts.remove(name)?;
        self.visits -= entry.host.visits.len().min(self.visits);
        self.forget_touch(&entry);
        Some(entry.host)
    }

    fn forget_touch(&mut self, entry: &Entry) {
        self.order.remove(&entry.touched);
        self.of_clients.remove(&entry.touched);
        let Some(source) = &entry.source else { return };
        if let Some(held) = self.sources.get_mut(source) {
            held.names.remove(&entry.touched);
            if held.names.is_empty() {
                self.sources.remove(source);
            }
        }
    }

    /// The host is an admin's from now on: nothing pushes it out.
    pub fn keep(&mut self, name: &str, change: impl FnOnce(&mut Host)) {
        let Some(mut entry) = self.hosts.remove(name) else { return };
        self.forget_touch(&entry);
        entry.source = None;
        let host = Arc::make_mut(&mut entry.host);
        host.is_manual = true;
        change(host);
        self.hosts.insert(Arc::clone(&entry.host.name), entry);
    }

    /// Takes all out. How many there were.
    pub fn clear(&mut self) -> usize {
        let count = self.hosts.len();
        *self = Self { next: self.next, ..Self::new(self.max_hosts) };
        count
    }

    /// Whether one more of an admin's finds room; a captured one makes it if it can.
    pub fn make_room_for_manual(&mut self) -> Result<Option<Arc<Host>>, ()> {
        if self.hosts.len() < self.max_hosts {
            return Ok(None);
        }
        let oldest = self.order.first_key_value().map(|(_, name)| Arc::clone(name)).ok_or(())?;
        Ok(self.remove(&oldest))
    }
}
