//! `usage/NAME.json` as the contract writes it.

use std::{fmt, fs, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// The keys, in the order of the contract: the panel's nine first.
pub const KEYS: [&str; 14] = [
    "username",
    "daily_usage",
    "total_usage",
    "daily_limit",
    "total_limit",
    "last_reset",
    "last_update",
    "baseline_usage",
    "last_stats",
    "service",
    "uplink",
    "downlink",
    "mark",
    "epoch",
];

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct UsageFile {
    pub username: String,
    pub daily_usage: u64,
    pub total_usage: u64,
    pub daily_limit: u64,
    pub total_limit: u64,
    pub last_reset: String,
    pub last_update: u64,
    pub baseline_usage: u64,
    pub last_stats: u64,
    pub service: String,
    pub uplink: u64,
    pub downlink: u64,
    pub mark: u64,
    pub epoch: String,
}

impl UsageFile {
    /// Reads `path` and checks what holds for every such file: keys, order, the sum.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let KeyOrder(keys) =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(keys, KEYS, "keys of {}", path.display());
        let file: Self =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(file.total_usage, file.baseline_usage + file.last_stats, "sum in {text}");
        file
    }
}

struct KeyOrder(Vec<String>);

impl<'de> Deserialize<'de> for KeyOrder {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = KeyOrder;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyOrder, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(KeyOrder(keys))
            }
        }
        from.deserialize_map(Keys)
    }
}
