//! `hosts.jsonl`: one object an event, only ever appended to, and moved on when it is full.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    hosts::host::Host,
    ledger::store::tail::whole_lines,
    model::sighting::{HostService, Kind, Sighting},
    view::hosts::HostEvent,
};

const MODE: u32 = 0o640;
/// A file that would grow beyond it is moved to `hosts.jsonl.1`, that one to `.2`, and so on.
pub const MAX_BYTES: u64 = 16 << 20;
/// So many old files are kept.
pub const OLD_FILES: u32 = 4;
/// Longer than any line that is written: every field has its bound.
const MAX_LINE: u64 = 16 << 10;

/// Appends one line each, durable when this returns; all of them or none.
pub fn append(dir: &Path, name: &str, events: &[Arc<HostEvent>]) -> io::Result<()> {
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event.as_ref())?;
        text.push(b'\n');
    }
    let path = dir.join(name);
    let len = fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
    if len > 0 && len.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX)) > MAX_BYTES {
        rotate(dir, name)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(&path)?;
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    let len = whole_lines(&mut file)?;
    let added = file.write_all(&text).and_then(|()| file.sync_data());
    if added.is_err() {
        let _stays_torn_if_even_that_fails = file.set_len(len);
    }
    added
}

fn rotate(dir: &Path, name: &str) -> io::Result<()> {
    let old = |number: u32| dir.join(format!("{name}.{number}"));
    for number in (1..OLD_FILES).rev() {
        match fs::rename(old(number), old(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(dir.join(name), old(1))
}

/// The event of a line.
pub fn parse(line: &[u8]) -> Option<HostEvent> {
    serde_json::from_slice(line).ok()
}

/// The hosts that the file tells of, for want of something better.
pub fn hosts(path: &Path) -> Vec<Host> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
    match file {
        Ok((true, file)) => replayed(file),
        _ => Vec::new(),
    }
}

/// The hosts that lines tell of.
pub fn replayed(lines: impl io::Read) -> Vec<Host> {
    let mut hosts: HashMap<String, Host> = HashMap::new();
    let mut reader = BufReader::new(lines);
    let mut line = Vec::new();
    let mut number = 0;
    while let Ok(1..) = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
        if let Some(event) = parse(&line)
            && let Some(sighting) = sighting(&event)
        {
            number += 1;
            let new = || Host::new(event.host.as_str().into(), event.odd, number);
            hosts.entry(event.host.clone()).or_insert_with(new).see(&sighting, true);
        }
        line.clear();
    }
    let mut hosts: Vec<_> = hosts.into_values().collect();
    hosts.sort_by_key(|host| host.number);
    hosts
}

fn sighting(event: &HostEvent) -> Option<Sighting> {
    let at: Timestamp = event.time.parse().ok()?;
    let (kind, service): (Kind, HostService) = (event.kind, event.service);
    Some(Sighting {
        at: u64::try_from(at.as_second()).ok()?,
        host: Vec::new(),
        kind,
        direction: event.direction,
        service,
        user: event.user.clone(),
        source_ip: event.source_ip,
        dest: event.dest_ip.zip(event.dest_port).map(Into::into),
    })
}
