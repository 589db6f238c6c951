//! `forward.names`: names of tunnel clients by address.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};

use super::reading::{Value, read};
use crate::network::{Prefix, is_usable};

const ALLOWED: &str = "a table of names by tunnel address or network, such as \
                       { \"10.8.0.2\" = \"alice\", \"10.9.0.0/24\" = \"office\" }";

/// Reads the table, in the order of its keys.
pub fn clients<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(Prefix, String)>, D::Error> {
    deserializer.deserialize_any(Table)
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Vec<(Prefix, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ALLOWED)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut table: M) -> Result<Self::Value, M::Error> {
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        while let Some((Address(prefix), Name(name))) = table.next_entry()? {
            if !seen.insert(prefix) {
                let twice = format_args!("{prefix} is named twice, expected {ALLOWED}");
                return Err(M::Error::custom(twice));
            }
            names.push((prefix, name));
        }
        Ok(names)
    }
}

/// Types of their own, so that an error has the line of the entry.
struct Address(Prefix);
struct Name(String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, ALLOWED, |value| match value {
            Value::Text(text) => text.parse().ok().map(Self),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, ALLOWED, |value| match value {
            Value::Text(name) if is_usable(name) => Some(Self(name.to_owned())),
            _ => None,
        })
    }
}
