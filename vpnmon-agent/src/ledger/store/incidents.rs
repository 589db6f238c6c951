//! `events.jsonl`: one object a line, only ever appended to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::Serialize;

use crate::{
    ledger::incident::{Incident, Kind},
    model::Service,
    sources::clock::rfc3339,
};

const MODE: u32 = 0o640;

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    reason: &'a str,
}

/// Appends one line each, durable when this returns.
pub fn append(path: &Path, incidents: &[Incident]) -> io::Result<()> {
    if incidents.is_empty() {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    let mut text = Vec::new();
    if ends_in_a_torn_line(&mut file)? {
        text.push(b'\n');
    }
    for incident in incidents {
        serde_json::to_writer(&mut text, &line(incident))?;
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_data()
}

fn line(incident: &Incident) -> Line<'_> {
    Line {
        time: rfc3339(incident.at),
        event: incident.kind,
        service: incident.account.as_ref().map(|key| key.service),
        name: incident.account.as_ref().map(|key| key.name.as_str()),
        reason: &incident.reason,
    }
}

/// A crash or a full disk can cut the last line short: the next one must not grow onto it.
fn ends_in_a_torn_line(file: &mut File) -> io::Result<bool> {
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(len - 1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
