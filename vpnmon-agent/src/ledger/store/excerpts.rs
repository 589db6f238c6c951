//! `xray-excerpts.json`: what is cut out of Xray's config file, so that it can be put back.
//!
//! It holds what users prove themselves with, so it is root's alone.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::{atomic, load};
use crate::model::Service;

const FILE: &str = "xray-excerpts.json";
const MODE: u32 = 0o600;
const SCHEMA: u32 = 1;
/// Some ten thousand users.
const MAX_BYTES: u64 = 64 << 20;

/// One client of one inbound, as it stood in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// Whose it is.
    pub email: String,
    /// Of the inbound's users.
    pub service: Service,
    /// The inbound's name; empty where it has none.
    pub tag: String,
    /// JSON pointer to the list that it was in.
    pub list: String,
    /// The client, as JSON.
    pub client: String,
    /// The line by which its panel finds it, if there was one.
    pub marker: Option<String>,
    /// Where the cut began, in bytes.
    pub at: usize,
    /// The text before the cut, as much as is needed to find the place again.
    pub before: String,
    /// The text that was cut.
    pub cut: String,
    /// What stands there instead: comments of others.
    pub left: String,
    /// The text behind the cut.
    pub after: String,
}

/// What is going to be so as soon as the config is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// SHA-256 of the config then, in hex.
    pub config: String,
    /// What is cut out of it.
    pub excerpts: Vec<Excerpt>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    excerpts: Vec<Excerpt>,
    next: Option<Next>,
}

/// Reads the file of a state directory, in the order of the cuts. One that cannot be used is set
/// aside; the error says so.
pub fn read(dir: &Path, at: u64) -> Result<(Vec<Excerpt>, Option<Next>), String> {
    let path = dir.join(FILE);
    let parsed = load::read_file(&path, MAX_BYTES).and_then(|(text, _)| {
        let file: File = serde_json::from_slice(&text)?;
        anyhow::ensure!(file.schema == SCHEMA, "its schema is {}", file.schema);
        Ok((file.excerpts, file.next))
    });
    match parsed {
        Err(error) if load::is_not_found(&error) => Ok((Vec::new(), None)),
        Err(error) => Err(load::set_aside(&path, at, &error).reason),
        Ok(found) => Ok(found),
    }
}

/// Replaces the file; it is on the disk when this is done.
pub fn write(dir: &Path, excerpts: &[Excerpt], next: Option<Next>) -> io::Result<()> {
    let text = serde_json::to_vec(&File { schema: SCHEMA, excerpts: excerpts.to_vec(), next })?;
    let _stamp = atomic::replace(dir, FILE, &text, MODE)?;
    atomic::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn excerpts_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), 7), Ok((Vec::new(), None)));
        let text = str::to_owned;
        let excerpt = Excerpt {
            email: text("bob\n\"ö\""),
            service: Service::Vless,
            tag: String::new(),
            list: text("/inbounds/0/settings/clients"),
            client: text("{}"),
            marker: None,
            at: 7,
            before: text("["),
            cut: text("{}"),
            left: String::new(),
            after: text("]"),
        };
        let next = Some(Next { config: text("00"), excerpts: Vec::new() });
        write(dir.path(), std::slice::from_ref(&excerpt), next.clone()).unwrap();
        assert_eq!(read(dir.path(), 7), Ok((vec![excerpt], next)));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        fs::write(dir.path().join(FILE), "{").unwrap();
        read(dir.path(), 7).unwrap_err();
        assert_eq!(read(dir.path(), 7), Ok((Vec::new(), None)));
    }
}
