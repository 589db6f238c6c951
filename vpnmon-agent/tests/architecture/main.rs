//! Holds the agent's sources against ARCHITECTURE.md, which says what may depend on what.

#![cfg(test)]

mod document;
mod names;
mod tokens;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{document::Document, names::Named};

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> Document {
    let path = package().join("../ARCHITECTURE.md");
    Document::parse(&fs::read_to_string(&path).unwrap())
}

/// What every source file names, by the path of its module (`ledger/store/load`).
fn sources() -> Vec<(String, Named)> {
    let root = package().join("src");
    let mut dirs = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = module(path.strip_prefix(&root).unwrap());
                let named = Named::in_text(&module, &fs::read_to_string(&path).unwrap());
                sources.push((module, named));
            }
        }
    }
    sources.sort_by(|(left, _), (right, _)| left.cmp(right));
    sources
}

/// `ledger/store/mod.rs` is `ledger/store`; the crate itself is empty.
fn module(file: &Path) -> String {
    let module: PathBuf = file.with_extension("");
    let module = if module.ends_with("mod") { module.parent().unwrap().into() } else { module };
    let module = module.to_str().unwrap();
    if matches!(module, "lib" | "main") { String::new() } else { module.to_owned() }
}

fn top(module: &str) -> &str {
    module.split('/').next().unwrap_or_default()
}

#[test]
fn dependencies_point_down() {
    let document = document();
    for (module, named) in sources() {
        for other in &named.modules {
            assert!(
                module.is_empty() || document.allows(top(&module), other),
                "src/{module} uses crate::{other}; ARCHITECTURE.md has no arrow from {} to it: \
                 move what is used to where it belongs, or change the order there",
                top(&module)
            );
        }
    }
}

#[test]
fn the_order_has_every_module_and_no_other() {
    let modules: BTreeSet<_> = sources().iter().map(|(module, _)| top(module).to_owned()).collect();
    let modules: BTreeSet<_> = modules.into_iter().filter(|module| !module.is_empty()).collect();
    assert_eq!(document().modules(), modules, "ARCHITECTURE.md against src");
}

#[test]
fn what_belongs_to_few_is_named_nowhere_else() {
    let document = document();
    assert!(!document.owned.is_empty());
    for (module, named) in sources() {
        for (word, owners) in &document.owned {
            let owns =
                |owner: &String| module == *owner || module.starts_with(&format!("{owner}/"));
            assert!(
                !named.words.contains(word) || owners.iter().any(owns),
                "src/{module} names `{word}`, which is for {} alone (ARCHITECTURE.md)",
                owners.join(", ")
            );
        }
    }
    for (word, owners) in &document.owned {
        for owner in owners {
            let file = package().join("src").join(owner);
            assert!(file.is_dir() || file.with_extension("rs").is_file(), "{word}: no src/{owner}");
        }
    }
}
