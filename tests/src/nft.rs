//! Counters on a device's ingress hook: what came off the wire, before any socket.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
};

use serde::Deserialize;
use tempfile::NamedTempFile;

use crate::{namespace::Namespace, process::run};

/// Bytes (from the IP header on: the hook runs after the Ethernet header is off) and packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Count {
    /// IP bytes; for ARP the bytes of the ARP packet.
    pub bytes: u64,
    /// Buffers: packets, unless GRO has merged some.
    pub packets: u64,
}

impl std::ops::Sub for Count {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        Self { bytes: self.bytes - before.bytes, packets: self.packets - before.packets }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| Self {
            bytes: a.bytes + b.bytes,
            packets: a.packets + b.packets,
        })
    }
}

/// Name of the counter of everything no rule names.
pub const OTHER: &str = "other";

const TABLE: &str = "wire";
/// The table of a tunnel's device, where the machine has two.
pub const TUNNEL_TABLE: &str = "tunnel";

/// A `table netdev` on one device; gone with its namespace.
#[derive(Debug)]
pub struct NftWire {
    namespace: String,
    table: &'static str,
}

impl NftWire {
    /// Counts on `device` in `namespace`: each rule is a counter's name and an nft match.
    #[must_use]
    pub fn load(namespace: &Namespace, device: &str, rules: &[(String, String)]) -> Self {
        Self::load_as(TABLE, namespace, device, rules)
    }

    /// The same, in a table of this name.
    #[must_use]
    pub fn load_as(
        table: &'static str,
        namespace: &Namespace,
        device: &str,
        rules: &[(String, String)],
    ) -> Self {
        let mut text = format!("table netdev {table} {{\n counter {OTHER} {{}}\n");
        for name in rules.iter().map(|(name, _)| name).collect::<BTreeSet<_>>() {
            let _ = writeln!(text, " counter {name} {{}}");
        }
        let hook = "type filter hook ingress";
        let _ = writeln!(
            text,
            " chain in {{\n  {hook} device \"{device}\" priority -500; policy accept;"
        );
        for (name, matches) in rules {
            let _ = writeln!(text, "  {matches} counter name {name} accept");
        }
        let _ = writeln!(text, "  counter name {OTHER}\n }}\n}}");
        let mut file = NamedTempFile::new().unwrap_or_else(|e| panic!("no temporary file: {e}"));
        file.write_all(text.as_bytes()).unwrap_or_else(|e| panic!("cannot write the rules: {e}"));
        namespace.exec(&["nft", "-f", &file.path().to_string_lossy()]);
        Self { namespace: namespace.name.clone(), table }
    }

    /// All counters by name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, Count> {
        counters(&self.namespace, self.table)
    }
}

/// All counters of a table in a namespace by name.
#[must_use]
pub fn counters(namespace: &str, table: &str) -> BTreeMap<String, Count> {
    let text = run("ip", &["netns", "exec", namespace, "nft", "-j", "list", "counters"]);
    let listing: Listing =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("nft's JSON: {e}: {text}"));
    let named = listing.nftables.into_iter().filter_map(|item| item.counter);
    let named = named.filter(|counter| counter.table == table);
    named.map(|counter| (counter.name, counter.count)).collect()
}

#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    counter: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    table: String,
    #[serde(flatten)]
    count: Count,
}
