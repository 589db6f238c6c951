//! The two blocks of ARCHITECTURE.md that are for machines too.

use std::collections::{BTreeMap, BTreeSet};

/// What ARCHITECTURE.md allows.
#[derive(Debug)]
pub struct Document {
    /// Modules by module, arrows followed to their ends.
    below: BTreeMap<String, BTreeSet<String>>,
    /// Names that only some modules may use, and those modules.
    pub owned: BTreeMap<String, Vec<String>>,
}

impl Document {
    /// Reads the fenced blocks `dependencies` (`a -> b, c`) and `only-here` (`name: a, b`).
    pub fn parse(text: &str) -> Self {
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in block(text, "dependencies") {
            let (from, to) = line.split_once(" -> ").unwrap_or_else(|| panic!("no arrow: {line}"));
            let to: BTreeSet<_> = list(to).collect();
            assert!(arrows.insert(from.trim().to_owned(), to).is_none(), "twice: {from}");
        }
        let below = arrows.keys().map(|from| (from.clone(), reach(&arrows, from))).collect();
        let owned = block(text, "only-here").map(|line| {
            let (name, owners) = line.split_once(':').unwrap_or_else(|| panic!("no colon: {line}"));
            (name.trim().to_owned(), list(owners).collect())
        });
        Self { below, owned: owned.collect() }
    }

    /// Whether `from` may use `to`.
    pub fn allows(&self, from: &str, to: &str) -> bool {
        from == to || self.below.get(from).is_some_and(|below| below.contains(to))
    }

    /// Every module that an arrow begins or ends at.
    pub fn modules(&self) -> BTreeSet<String> {
        let ends = self.below.values().flatten();
        self.below.keys().chain(ends).cloned().collect()
    }
}

/// Lines of the block that is fenced with `name`.
fn block<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{name}\n");
    let (_, rest) = text.split_once(&fence).unwrap_or_else(|| panic!("no block {name}"));
    let (block, _) = rest.split_once("```").unwrap();
    block.lines()
}

fn list(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|word| word.trim().to_owned())
}

/// All that arrows lead to from `start`; an arrow that leads back is none of an order.
fn reach(arrows: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<_> = arrows.get(start).into_iter().flatten().collect();
    while let Some(module) = left.pop() {
        assert_ne!(module, start, "the order goes round");
        if reached.insert(module.clone()) {
            left.extend(arrows.get(module).into_iter().flatten());
        }
    }
    reached
}

const TEXT: &str = "# T\n```\nx -> y\n```\n```dependencies\na -> b, c\nc -> d\n```\n\
    ```only-here\naya: kernel\nSerialize: view, ledger/store\n```\n";

#[test]
fn arrows_are_followed() {
    let document = Document::parse(TEXT);
    for (from, to, expected) in [
        ("a", "b", true),
        ("a", "d", true),
        ("a", "a", true),
        ("b", "a", false),
        ("d", "c", false),
        ("b", "d", false),
        ("x", "y", false),
    ] {
        assert_eq!(document.allows(from, to), expected, "{from} -> {to}");
    }
    assert_eq!(document.owned["Serialize"], ["view", "ledger/store"]);
}

#[test]
#[should_panic(expected = "the order goes round")]
fn a_circle_is_no_order() {
    Document::parse("```dependencies\na -> b\nb -> c\nc -> a\n```\n```only-here\n```\n");
}
