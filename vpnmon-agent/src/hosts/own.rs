//! What the server itself is called: no captured host.

use std::collections::HashSet;

/// What every machine calls itself.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Names of the server itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNames(HashSet<String>);

impl OwnNames {
    /// Whether the server is called so.
    pub fn has(&self, name: &str) -> bool {
        // An IPv6 address as a URL has it, or bare.
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        LOCAL.contains(&bare) || self.0.contains(bare)
    }

    /// Other names than before. Those that are new.
    pub fn set(&mut self, names: Vec<String>) -> Vec<String> {
        let before = std::mem::take(&mut self.0);
        self.0 = names.into_iter().collect();
        self.0.difference(&before).cloned().collect()
    }
}
