//! The metered interfaces: which they are, and what they carry.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, MapData};
use vpnmon_common::{
    interface::Metered,
    names::{INTERFACES, METERED, PLACES, PREFIXES},
};

use super::{
    classifiers::Classifiers,
    filters,
    links::{Links, Way},
    mapped::Access,
    object::mapped,
    pins::Pins,
    prefixes::Prefixes,
    release,
    rows::{Carried, Rows},
};
use crate::network::{Interface, Layout};

/// What interfaces carry, and the programs that count it.
pub struct Interfaces {
    links: Links,
    classifiers: Classifiers,
    rows: Rows,
    places: Array<MapData, u64>,
    metered: Array<MapData, u32>,
    prefixes: Prefixes,
    /// By index: those in the map, left there by an earlier agent or put by this one.
    known: BTreeMap<u32, Metered>,
    /// Names of those that this agent's programs are on.
    names: BTreeMap<u32, String>,
    /// What does not work, as it is told to the admin.
    problems: Vec<String>,
}

impl Interfaces {
    /// Programs over the pinned `maps`, with links beside those in `pins`.
    pub(super) fn new(pins: &Pins, maps: &Pins) -> Result<Self> {
        let mut classifiers = Classifiers::load(maps)?;
        let (words, _) = mapped(classifiers.array(INTERFACES)?, 1, Access::Read)?;
        let places = classifiers.map(PLACES)?;
        Ok(Self {
            links: Links::new(pins),
            rows: Rows::new(words, classifiers.map(INTERFACES)?),
            known: filters::all(&places).into_iter().map(|it| (it.ifindex, it)).collect(),
            metered: classifiers.map(METERED)?,
            prefixes: Prefixes::new(classifiers.map(PREFIXES)?)?,
            places,
            classifiers,
            names: BTreeMap::new(),
            problems: Vec::new(),
        })
    }

    /// Puts the programs on the interfaces of `layout`, and takes them off all others. What does not
    /// work is kept for [`Interfaces::problems`]: the other interfaces count all the same.
    pub fn apply(&mut self, layout: &Layout) {
        let before = std::mem::take(&mut self.problems);
        if let Err(error) = self.prefixes.apply(layout) {
            self.problems.push(format!("tc: {error:#}"));
        }
        let wanted: BTreeSet<_> = layout.interfaces.iter().map(|it| it.index).collect();
        for metered in self.known.clone().into_values() {
            if !wanted.contains(&metered.ifindex) {
                self.take_off(metered);
            }
        }
        for interface in &layout.interfaces {
            if let Err(error) = self.put_on(interface, !layout.carriers.is_empty()) {
                self.problems.push(format!("tc on {}: {error:#}", interface.name));
            }
        }
        if self.known.values().any(|metered| metered.has_filters) {
            let kernel = release::release().unwrap_or_default();
            self.problems.push(format!("tcx: kernel {kernel} has none, using clsact"));
        }
        for problem in self.problems.iter().filter(|problem| !before.contains(problem)) {
            log::warn!("{problem}");
        }
    }

    fn put_on(&mut self, interface: &Interface, has_carriers: bool) -> Result<()> {
        let index = interface.index;
        let place = Metered::place(index);
        let is_taken = |other: &u32| *other != index && Metered::place(*other) == place;
        ensure!(
            !self.known.keys().any(is_taken),
            "another interface has its place; make it anew for another index"
        );
        let known = self.known.get(&index).copied();
        let row = self.rows.of(&interface.name)?;
        let metered = |way: Way| Metered {
            ifindex: index,
            row,
            link_header: interface.link_header,
            has_clients: interface.clients.is_some(),
            has_carriers,
            has_filters: way != Way::Link,
            owns_qdisc: way == Way::Filter { owns_qdisc: true },
        };
        // The place before the programs: over new maps they take the place of others that count.
        let before = known.map_or(Way::Link, way_of);
        self.places.set(place, metered(before).encode(), 0)?;
        let way = if self.names.contains_key(&index) {
            before
        } else {
            let attached = self.links.attach(&mut self.classifiers, interface, known);
            attached
                .or_else(|error| self.places.set(place, 0, 0).map_err(Into::into).and(Err(error)))?
        };
        self.names.insert(index, interface.name.clone());
        self.known.insert(index, metered(way));
        self.places.set(place, metered(way).encode(), 0)?;
        // The sockets last: what comes in between is unattributed at worst, never less than nothing.
        self.metered.set(place, index, 0)?;
        Ok(())
    }

    fn take_off(&mut self, metered: Metered) {
        let place = Metered::place(metered.ifindex);
        let cleared = self.metered.set(place, 0, 0).and_then(|()| self.places.set(place, 0, 0));
        let removed = self.links.remove(metered.ifindex);
        if let Err(error) = cleared.context("cannot clear its place").and(removed) {
            log::warn!("interface {}: {error:#}", metered.ifindex);
        }
        if metered.has_filters {
            filters::remove(metered);
        }
        self.known.remove(&metered.ifindex);
        self.names.remove(&metered.ifindex);
    }

    /// What each metered interface has carried.
    pub fn carried(&self) -> Vec<(String, Carried)> {
        let each = self.names.iter().filter_map(|(index, name)| {
            Some((name.clone(), self.rows.carried(self.known.get(index)?.row)))
        });
        each.collect()
    }

    /// What sockets of this machine must have moved over all metered interfaces, both ways.
    pub fn local_bytes(&self) -> u64 {
        self.rows.local_bytes()
    }

    /// Whether any interface has been metered since the maps were made.
    pub fn has_rows(&self) -> bool {
        self.rows.has_any()
    }

    /// What does not work, a line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

const fn way_of(known: Metered) -> Way {
    if known.has_filters { Way::Filter { owns_qdisc: known.owns_qdisc } } else { Way::Link }
}

impl std::fmt::Debug for Interfaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interfaces")
    }
}
