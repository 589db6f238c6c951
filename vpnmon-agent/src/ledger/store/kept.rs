//! `xray-kept.json`: the Xray users that are taken out, with all that is needed to put them back.
//!
//! It holds what they prove themselves with, so it is root's alone.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::{atomic, load};

const FILE: &str = "xray-kept.json";
const MODE: u32 = 0o600;
const SCHEMA: u32 = 1;
/// Some hundred thousand users.
const MAX_BYTES: u64 = 64 << 20;

/// A user that is taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its name in Xray.
    pub email: String,
    /// Whether it is on its way back.
    pub returns: bool,
    /// Whether it was in the config, and stays away if the config has it no more.
    pub is_configured: bool,
    /// Where it was.
    pub inbounds: Vec<KeptIn>,
}

/// A user in one inbound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptIn {
    /// The inbound's name; empty where it has none.
    pub tag: String,
    /// First and last port of the inbound.
    pub ports: (u16, u16),
    /// Whether it has no other users: then all connections to it are this one's.
    pub is_alone: bool,
    /// The user as the API takes it, in protobuf; empty where the API has no such users, so that
    /// nothing but the connections can be ended.
    pub user: Vec<u8>,
    /// The whole inbound as the API takes it, where it goes with its only user; else empty.
    pub inbound: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    users: Vec<Kept>,
}

/// Reads the file of a state directory. One that cannot be used is set aside; the error says so.
pub fn read(dir: &Path, at: u64) -> Result<Vec<Kept>, String> {
    let path = dir.join(FILE);
    let parsed = load::read_file(&path, MAX_BYTES).and_then(|(text, _)| {
        let file: File = serde_json::from_slice(&text)?;
        anyhow::ensure!(file.schema == SCHEMA, "its schema is {}", file.schema);
        Ok(file.users)
    });
    match parsed {
        Err(error) if load::is_not_found(&error) => Ok(Vec::new()),
        Err(error) => Err(load::set_aside(&path, at, &error).reason),
        Ok(users) => Ok(users),
    }
}

/// Replaces the file; it is on the disk when this is done.
pub fn write(dir: &Path, users: &[Kept]) -> io::Result<()> {
    let text = serde_json::to_vec(&File { schema: SCHEMA, users: users.to_vec() })?;
    let _stamp = atomic::replace(dir, FILE, &text, MODE)?;
    atomic::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn users_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), 7), Ok(Vec::new()));
        let inbounds = vec![KeptIn {
            tag: "in".to_owned(),
            ports: (1, 2),
            is_alone: false,
            user: vec![0, 255],
            inbound: vec![1],
        }];
        let email = "a>>>b\n".to_owned();
        let users = [Kept { email, returns: true, is_configured: true, inbounds }];
        write(dir.path(), &users).unwrap();
        assert_eq!(read(dir.path(), 7), Ok(users.to_vec()));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", r#"{"schema":2,"users":[]}"#] {
            fs::write(dir.path().join(FILE), text).unwrap();
            read(dir.path(), 7).unwrap_err();
            assert_eq!(read(dir.path(), 7), Ok(Vec::new()), "{text}");
        }
    }
}
