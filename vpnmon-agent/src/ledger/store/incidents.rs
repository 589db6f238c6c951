//! `events.jsonl`: one object a line, only ever appended to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::Serialize;

use crate::{
    ledger::{
        incident::{Incident, Kind},
        record::Record,
    },
    model::Service,
    time::rfc3339,
};

const MODE: u32 = 0o640;

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: Kind,
    #[serde(flatten)]
    account: Option<Account<'a>>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Account<'a> {
    service: Service,
    name: &'a str,
    uid: Option<u32>,
    uplink: u64,
    downlink: u64,
    daily_usage: u64,
    total_usage: u64,
    daily_limit: u64,
    total_limit: u64,
}

impl<'a> Account<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            service: record.service,
            name: &record.name,
            uid: record.uid,
            uplink: record.bytes.uplink,
            downlink: record.bytes.downlink,
            daily_usage: record.daily_usage,
            total_usage: record.total_usage(),
            daily_limit: record.daily_limit,
            total_limit: record.total_limit,
        }
    }
}

/// An incident in the words of the file.
pub fn incident_json(incident: &Incident) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(line(incident))
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
        account: incident.account.as_deref().map(Account::of),
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
