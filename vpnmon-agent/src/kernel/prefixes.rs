//! The map of prefixes: the machine's own addresses, and the networks behind each interface.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use aya::maps::{
    MapData,
    lpm_trie::{Key, LpmTrie},
};
use vpnmon_common::interface::{CARRIERS, LOCAL, PrefixKey, SCOPE_BITS, carrier, prefix_key};

use crate::network::{Layout, Prefix};

/// Length and bytes of a key, as the kernel has it.
type Entry = (u32, PrefixKey);

/// What is in the map, and what is to be there.
pub struct Prefixes {
    map: LpmTrie<MapData, PrefixKey, u32>,
    there: BTreeSet<Entry>,
}

impl Prefixes {
    /// With what an earlier agent has left in the map.
    pub fn new(map: LpmTrie<MapData, PrefixKey, u32>) -> Result<Self> {
        let keys = map.keys().map(|key| key.map(|key| (key.prefix_len(), key.data())));
        let there = keys.collect::<Result<_, _>>().context("cannot read the prefixes")?;
        Ok(Self { map, there })
    }

    /// Makes the map say what `layout` does; what is new comes before what is old goes.
    pub fn apply(&mut self, layout: &Layout) -> Result<()> {
        let local = layout.local.iter().map(|prefix| entry(LOCAL, prefix));
        let clients = layout.interfaces.iter().flat_map(|interface| {
            let networks = interface.clients.iter().flatten();
            networks.map(|prefix| entry(interface.index, prefix))
        });
        let ports = layout
            .carriers
            .iter()
            .map(|port| (SCOPE_BITS + 128, prefix_key(CARRIERS, carrier(*port))));
        let wanted: BTreeSet<_> = local.chain(clients).chain(ports).collect();
        for (len, key) in wanted.difference(&self.there.clone()).copied() {
            let added = self.map.insert(&Key::new(len, key), 1, 0);
            added.context("cannot tell the kernel all prefixes; use fewer routes into tunnels")?;
            self.there.insert((len, key));
        }
        for (len, key) in self.there.difference(&wanted.clone()).copied().collect::<Vec<_>>() {
            self.map.remove(&Key::new(len, key)).context("cannot take a prefix back")?;
            self.there.remove(&(len, key));
        }
        Ok(())
    }
}

fn entry(scope: u32, prefix: &Prefix) -> Entry {
    let (address, len) = prefix.mapped();
    (SCOPE_BITS + len, prefix_key(scope, address))
}
