//! Who a tunnel's client is, by its address.

use std::{collections::HashMap, net::IpAddr};

use super::Prefix;

/// The row of packets that are no client's: a name that no client can have.
pub const OTHER: &str = "other";
/// As long as a user's name may be.
const MAX_NAME_BYTES: usize = 64;

/// Names by prefix, first those of the admin, then those of the tunnels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    admin: Table,
    tunnels: Table,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    by_prefix: HashMap<Prefix, String>,
    /// Lengths that are there, the longest first, of either family.
    lens: Vec<u8>,
}

impl Names {
    /// Of the same prefix the first entry counts; names that no client may have are passed over.
    pub fn new(admin: Vec<(Prefix, String)>, tunnels: Vec<(Prefix, String)>) -> Self {
        Self { admin: Table::new(admin), tunnels: Table::new(tunnels) }
    }

    /// The account of an address: by the name it was given, else the address itself.
    pub fn of(&self, address: IpAddr) -> String {
        let given = self.admin.find(address).or_else(|| self.tunnels.find(address));
        given.map_or_else(|| address.to_string(), str::to_owned)
    }
}

impl Table {
    fn new(entries: Vec<(Prefix, String)>) -> Self {
        let mut table = Self::default();
        for (prefix, name) in entries {
            if is_usable(&name) {
                table.by_prefix.entry(prefix).or_insert(name);
            }
        }
        table.lens = table.by_prefix.keys().map(Prefix::len).collect();
        table.lens.sort_unstable_by(|a, b| b.cmp(a));
        table.lens.dedup();
        table
    }

    fn find(&self, address: IpAddr) -> Option<&str> {
        let mut each = self.lens.iter().filter_map(|len| Prefix::new(address, *len));
        each.find_map(|prefix| self.by_prefix.get(&prefix)).map(String::as_str)
    }
}

/// Whether a client may have this name.
pub fn is_usable(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name != OTHER && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: &str) {
        let entries = |entries: &[(&str, &str)]| {
            entries.iter().map(|(p, name)| (p.parse().unwrap(), (*name).to_owned())).collect()
        };
        let admin = [("10.9.0.0/24", "office"), ("10.9.0.7", "boss"), ("fd00::/64", "office")];
        let tunnels = [
            ("10.9.0.8", "peer"),
            ("10.1.0.1", "other"),
            ("10.1.0.2", ""),
            ("10.1.0.3", "first"),
            ("10.1.0.3", "second"),
        ];
        let names = Names::new(entries(&admin), entries(&tunnels));
        assert_eq!(names.of(address.parse().unwrap()), expected);
    }

    #[test]
    fn the_admin_names_first_and_the_longest_prefix_decides() {
        check("10.9.0.7", "boss");
        check("10.9.0.8", "office");
        check("fd00::8", "office");
        check("10.8.0.2", "10.8.0.2");
        check("fd01::2", "fd01::2");
        check("10.1.0.1", "10.1.0.1");
        check("10.1.0.2", "10.1.0.2");
        check("10.1.0.3", "first");
    }
}
