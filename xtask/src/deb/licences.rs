//! The licences of what is in the binary, which most of them want to go along with it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Build, output};
use crate::{
    cargo,
    failure::{OrFail, Result},
};

/// Of vpnmon itself.
pub fn own(build: &Build<'_>) -> Result<String> {
    let read = |name: &str| {
        let path = build.layout.root.join(name);
        fs::read_to_string(&path).or_fail(format!("reading {}", path.display()), "restore it")
    };
    let mit = read("LICENSE-MIT")?;
    // The name of the licence and its copyright line stand in the header.
    let body = mit.split_once("Permission is").map_or("", |(_, rest)| rest);
    let body = format!("Permission is{body}");
    let lines = body.trim_end().lines();
    let indented =
        lines.map(|line| if line.is_empty() { " .\n".into() } else { format!(" {line}\n") });
    Ok(read("packaging/copyright")?.trim_end().to_owned()
        + "\n"
        + &indented.collect::<String>()
        + OTHERS)
}

const OTHERS: &str = "
License: Apache-2.0
 See /usr/share/common-licenses/Apache-2.0.

License: GPL-2
 See /usr/share/common-licenses/GPL-2.
Comment:
 The libraries in the binary and their licences are in THIRD-PARTY.gz beside this file. The binary
 also holds the C library of the machine that built it (glibc, LGPL-2.1 or later); with vpnmon's
 source it can be linked with another.
";

/// Of every library that the agent is built from: what it says of itself, and its licence files,
/// each text once.
pub fn all(build: &Build<'_>) -> Result<String> {
    let packages = packages(build)?;
    let mut text = String::from("The libraries in vpnmon-agent, and their licences.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in &packages {
        let _ = writeln!(text, "{} {}", package.name, package.licence);
        for licence in licence_files(&package.dir)? {
            texts.entry(licence).or_default().push(package.name.clone());
        }
    }
    for (licence, names) in texts {
        let (names, licence) = (names.join(", "), licence.trim_end());
        let _ = writeln!(text, "\n{}\n{names}:\n\n{licence}", "=".repeat(78));
    }
    Ok(text)
}

struct Package {
    name: String,
    licence: String,
    dir: PathBuf,
}

/// Those that are compiled in, by the lock file; the workspace's own are not among them.
fn packages(build: &Build<'_>) -> Result<Vec<Package>> {
    let next = "run `cargo metadata` by hand";
    let mut tree = cargo::outer(build.layout, "tree");
    tree.args(["--locked", "--package", "vpnmon-agent", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"]);
    let used = output("listing libraries", "run `cargo tree` by hand", &mut tree)?;
    let mut metadata = cargo::outer(build.layout, "metadata");
    metadata.args(["--locked", "--format-version", "1"]);
    let metadata = output("listing libraries", next, &mut metadata)?;
    let metadata: Value =
        serde_json::from_str(&metadata).or_fail("reading cargo metadata", next)?;
    let known = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut packages: Vec<_> = known.iter().filter_map(|package| of(package, &used)).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn of(package: &Value, used: &str) -> Option<Package> {
    let word = |key: &str| package[key].as_str();
    // Without a source it is one of ours.
    word("source")?;
    let name = format!("{} {}", word("name")?, word("version")?);
    let line = format!("{} v{}", word("name")?, word("version")?);
    let is_used = used.lines().any(|used| used.split(" (").next() == Some(line.as_str()));
    let dir = Path::new(word("manifest_path")?).parent()?.to_owned();
    let licence = word("license").unwrap_or("see its licence file").to_owned();
    is_used.then_some(Package { name, licence, dir })
}

fn licence_files(dir: &Path) -> Result<Vec<String>> {
    let what = format!("reading licences in {}", dir.display());
    let next = "run `cargo fetch`";
    let mut texts = Vec::new();
    for entry in fs::read_dir(dir).or_fail(&what, next)? {
        let entry = entry.or_fail(&what, next)?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let is_licence = ["LICEN", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"];
        if is_licence.iter().any(|word| name.starts_with(word)) && entry.path().is_file() {
            let bytes = fs::read(entry.path()).or_fail(&what, next)?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts.sort();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_used_and_is_not_ours() {
        let package = |name: &str, source: Option<&str>| {
            serde_json::json!({
                "name": name, "version": "1.0.0", "source": source, "license": "MIT",
                "manifest_path": "/c/x/Cargo.toml",
            })
        };
        let used = "a v1.0.0\nab v1.0.0 (proc-macro)\n";
        let is_taken = |name, source| of(&package(name, source), used).is_some();
        assert!(is_taken("a", Some("registry")));
        assert!(is_taken("ab", Some("registry")));
        assert!(!is_taken("b", Some("registry")));
        assert!(!is_taken("a", None));
    }
}
