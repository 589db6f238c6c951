//! Whom the enforcer has begun with: `enforce.json` in the state directory.

use serde::{Deserialize, Serialize};

use super::account::Before;
use crate::order::{Person, Target};

/// Of this build.
const SCHEMA: u32 = 1;
/// The file.
pub const NAME: &str = "enforce.json";
/// It says what shells and expiry dates users had.
pub const MODE: u32 = 0o600;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: u32,
    /// What it is to become.
    pub target: Target,
    /// What it was before anything was done to it; `None` before that.
    pub before: Option<Before>,
}

impl Entry {
    /// Whom it is about.
    pub fn person(&self) -> Person {
        Person { name: self.name.clone(), uid: self.uid }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    people: Vec<Entry>,
}

/// What a file says; `Err` says why it cannot be read.
pub fn parse(text: &[u8]) -> Result<Vec<Entry>, String> {
    let file: File = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if file.schema != SCHEMA {
        return Err(format!("its schema is {}, this build knows {SCHEMA}", file.schema));
    }
    Ok(file.people)
}

/// The text of a file.
pub fn text(people: &[Entry]) -> Result<Vec<u8>, String> {
    let file = File { schema: SCHEMA, people: people.to_vec() };
    let mut text = serde_json::to_vec_pretty(&file).map_err(|error| error.to_string())?;
    text.push(b'\n');
    Ok(text)
}

/// Any text in; a panic where what was read is not read again from what it is written as.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(people) = parse(bytes) {
        assert_eq!(text(&people).and_then(|text| parse(&text)), Ok(people));
    }
}
