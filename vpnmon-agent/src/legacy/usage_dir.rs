//! The directory of usage JSONs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Skipped, field, file,
    usage_json::{self, UsageJson},
};

/// A usage JSON of the panel.
#[derive(Debug)]
pub struct UsageFile {
    pub path: PathBuf,
    pub json: UsageJson,
}

/// Usage JSONs in `dir` by account name. Where the agent has replaced one, it kept the panel's
/// beside it as `<user>.json.panel`, which comes first.
pub fn read(dir: &Path, skipped: &mut Vec<Skipped>) -> BTreeMap<String, UsageFile> {
    let mut found = BTreeMap::new();
    let names = file_names(dir, skipped);
    for extension in [".json.panel", ".json"] {
        for user in names.iter().filter_map(|name| name.strip_suffix(extension)) {
            let path = dir.join(format!("{user}{extension}"));
            let Some(json) = usage_file(&path, user, skipped) else { continue };
            if found.contains_key(user) {
                let why =
                    format!("{} is taken instead", field::quoted(&format!("{user}.json.panel")));
                skipped.push(Skipped { file: path, line: 0, why });
            } else {
                found.insert(user.to_owned(), UsageFile { path, json });
            }
        }
    }
    found
}

/// Names in a directory, in order; none in one that is not there.
fn file_names(dir: &Path, skipped: &mut Vec<Skipped>) -> Vec<String> {
    let mut report = |why: String| skipped.push(Skipped { file: dir.to_owned(), line: 0, why });
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            report(format!("cannot be listed: {error}"));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry.map(|entry| entry.file_name().into_string()) {
            Ok(Ok(name)) if !name.starts_with('.') => names.push(name),
            Ok(Ok(_hidden)) => {}
            Ok(Err(name)) => {
                let name = field::quoted(&name.to_string_lossy());
                report(format!("the name of {name} in it is no UTF-8"));
            }
            Err(error) => report(format!("cannot be listed to its end: {error}")),
        }
    }
    names.sort_unstable();
    names
}

/// The panel's usage file of `user`; `None` where it is the agent's or says nothing.
fn usage_file(path: &Path, user: &str, skipped: &mut Vec<Skipped>) -> Option<UsageJson> {
    let mut report = |why| skipped.push(Skipped { file: path.to_owned(), line: 0, why });
    let text = match file::read(path) {
        Ok(text) => text?,
        Err(why) => {
            report(why);
            return None;
        }
    };
    let (json, parsed) = usage_json::parse(&text)?;
    // The panel finds a file by its name, so that is the account's.
    let whose = field::name(user);
    match (&json.username, &whose) {
        _ if parsed.taken.is_empty() => report("holds none of the panel's keys".to_owned()),
        (_, Err(why)) => report(why.clone()),
        (Some(other), _) if other != user => {
            report(format!("says it is of {}", field::quoted(other)));
        }
        _ => {
            skipped.extend(parsed.refused.iter().map(|refused| refused.in_file(path)));
            return Some(json);
        }
    }
    None
}
