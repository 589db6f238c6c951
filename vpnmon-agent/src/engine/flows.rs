//! Which flow goes to which host: its bytes are that host's, and of nobody's else.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use vpnmon_common::flow::{Flow, index};

use super::Engine;
use crate::{
    event::{Command, FlowMoved, Heard, Now},
    model::{
        Bytes,
        sighting::{HostBytes, HostService, Kind, Sighting},
    },
};

/// A connection that has moved nothing for so long has no place kept for it.
const IDLE: Duration = Duration::from_mins(10);
/// One part of so many is kept free, so that who takes many leaves some to others.
const RESERVE: usize = 8;

/// The flows that the kernel has told of.
#[derive(Debug, Default)]
pub struct Flows {
    /// By row.
    uses: HashMap<u32, Use>,
    capacity: usize,
    looked_at: Duration,
}

#[derive(Debug)]
struct Use {
    flow: Flow,
    /// Of the owner; `None` before the record that names it has come.
    slot: Option<u32>,
    host: Host,
    moved_at: Duration,
    is_retired: bool,
}

/// Whose bytes they are.
#[derive(Debug)]
enum Host {
    /// Not told yet: these wait for it.
    Awaited(Bytes),
    /// Known.
    Known(Visit),
    /// More than one.
    Unclear,
}

/// Where it goes, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Visit {
    host: Vec<u8>,
    kind: Kind,
    service: HostService,
    user: Option<String>,
}

impl Visit {
    fn of(sighting: &Sighting) -> Self {
        let Sighting { host, kind, service, user, .. } = sighting.clone();
        Self { host, kind, service, user }
    }

    fn moved(&self, bytes: Bytes) -> HostBytes {
        let Self { host, kind, service, user } = self.clone();
        HostBytes { host, kind, service, user, bytes }
    }
}

impl Flows {
    /// For so many at a time.
    pub fn new(capacity: u32) -> Self {
        Self { capacity: capacity as usize, ..Self::default() }
    }

    /// All that are known.
    pub fn all(&self) -> Vec<Flow> {
        self.uses.values().map(|it| it.flow).collect()
    }

    /// The use that `flow` is, new where it is not known; `None` where a later one has its row.
    fn of(&mut self, flow: Flow, at: Duration) -> Option<&mut Use> {
        let new = || Use {
            flow,
            slot: None,
            host: Host::Awaited(Bytes::default()),
            moved_at: at,
            is_retired: false,
        };
        let it = self.uses.entry(index(flow)).or_insert_with(new);
        if it.flow < flow {
            *it = new();
        }
        (it.flow == flow).then_some(it)
    }

    /// A record has told of a flow, and perhaps where it goes. What it has moved already.
    fn told(&mut self, flow: Flow, slot: u32, visit: Option<Visit>, at: Duration) -> Option<Bytes> {
        let it = self.of(flow, at)?;
        it.slot = Some(slot);
        let visit = visit?;
        match &it.host {
            Host::Awaited(bytes) => {
                let bytes = *bytes;
                it.host = Host::Known(visit);
                Some(bytes).filter(|bytes| *bytes != Bytes::default())
            }
            Host::Known(known) if known.host == visit.host => None,
            Host::Known(_) | Host::Unclear => {
                it.host = Host::Unclear;
                None
            }
        }
    }

    /// A flow has moved bytes. Whose they are, if that is known.
    fn moved(&mut self, moved: FlowMoved, at: Duration) -> Option<(Option<u32>, HostBytes)> {
        let it = self.of(moved.flow, at)?;
        it.moved_at = at;
        match &mut it.host {
            Host::Awaited(sum) => {
                sum.uplink = sum.uplink.saturating_add(moved.bytes.uplink);
                sum.downlink = sum.downlink.saturating_add(moved.bytes.downlink);
                None
            }
            Host::Known(visit) => Some((it.slot, visit.moved(moved.bytes))),
            Host::Unclear => None,
        }
    }

    fn over(&mut self, flow: Flow) {
        if self.uses.get(&index(flow)).is_some_and(|it| it.flow == flow) {
            self.uses.remove(&index(flow));
        }
    }

    /// Those whose places others are to have: the ones that stand still for long, and where few are
    /// left, of whoever has most.
    fn due(&mut self, at: Duration) -> Vec<Flow> {
        let reserve = self.capacity / RESERVE;
        let is_short = self.capacity.saturating_sub(self.uses.len()) < reserve / 2;
        if !is_short && at.saturating_sub(self.looked_at) < Duration::from_secs(1) {
            return Vec::new();
        }
        self.looked_at = at;
        let mut owners: BTreeMap<Option<u32>, Vec<&mut Use>> = BTreeMap::new();
        let mut retired = Vec::new();
        let mut count = 0;
        for it in self.uses.values_mut().filter(|it| !it.is_retired) {
            if at.saturating_sub(it.moved_at) >= IDLE {
                it.is_retired = true;
                retired.push(it.flow);
            } else {
                count += 1;
                owners.entry(it.slot).or_default().push(it);
            }
        }
        let counts: Vec<_> = owners.values().map(Vec::len).collect();
        let share = share(&counts, if is_short { self.capacity - reserve } else { count });
        for uses in owners.values_mut() {
            uses.sort_by_key(|it| it.moved_at);
            let too_many = uses.len().saturating_sub(share);
            for it in &mut uses[..too_many] {
                it.is_retired = true;
                retired.push(it.flow);
            }
        }
        retired
    }
}

/// The most that each may have, so that all together have at most `room`.
fn share(counts: &[usize], room: usize) -> usize {
    let all = |share: usize| counts.iter().map(|count| count.min(&share)).sum::<usize>();
    let (mut fits, mut most) = (0, counts.iter().copied().max().unwrap_or(0));
    while fits < most {
        let middle = fits + (most - fits).div_ceil(2);
        if all(middle) <= room { fits = middle } else { most = middle - 1 }
    }
    fits
}

impl Engine {
    /// Whether a flow is known, so that time alone can make one over.
    pub fn has_flows(&self) -> bool {
        !self.flows.uses.is_empty()
    }

    /// Something was said in a flow; `first` is what it names.
    pub(super) fn open_flow(&mut self, heard: &Heard, first: Option<&Sighting>, now: Now) {
        if heard.flow == 0 {
            return;
        }
        let visit = first.map(Visit::of);
        let told = self.flows.told(heard.flow, heard.slot, visit.clone(), now.monotonic);
        if let (Some(bytes), Some(visit)) = (told, visit) {
            // The host's row comes with the sighting, after this.
            self.early.push(visit.moved(bytes));
        }
    }

    pub(super) fn flows_moved(
        &mut self,
        moved: &[FlowMoved],
        over: &[Flow],
        now: Now,
    ) -> Vec<Command> {
        for early in std::mem::take(&mut self.early) {
            self.hosts.moved(&early);
        }
        for moved in moved {
            let Some((slot, moved)) = self.flows.moved(*moved, now.monotonic) else { continue };
            // A uid that another user has got since: the bytes are that one's, the visit was not.
            if slot.and_then(|slot| self.visitor(slot)) == moved.user {
                self.hosts.moved(&moved);
            }
        }
        for flow in over {
            self.flows.over(*flow);
        }
        let due = self.flows.due(now.monotonic);
        if due.is_empty() { Vec::new() } else { vec![Command::Retire(due)] }
    }
}

#[cfg(test)]
#[path = "flows_tests.rs"]
mod tests;
