//! `hosts.log`: one line a host, `host|service|source_ip|YYYY-MM-DD HH:MM:SS`.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::IpAddr,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use jiff::civil::DateTime;

use super::LOG_MODE;
use crate::{
    hosts::{Line, host::Host, name},
    ledger::store::tail::whole_lines,
    model::sighting::HostService,
    time::{local_time, of_local},
};

/// The contract's word for what is not known.
const UNKNOWN: &str = "N/A";
/// An admin may have typed it.
const MAX_SERVICE_BYTES: usize = 32;

/// What the file says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Each host once: its first line.
    pub lines: Vec<Line>,
    /// The first line that is none of a host, in words.
    pub refused: Option<String>,
}

/// Reads the text of the file. A last line that was cut short by a crash is passed over.
pub fn parse(text: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    let mut seen = HashSet::new();
    let mut lines = text.split(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((index, bytes)) = lines.next() {
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match std::str::from_utf8(bytes).ok().and_then(line) {
            Some(line) if !seen.insert(line.host.clone()) => {}
            Some(line) => parsed.lines.push(line),
            None if lines.peek().is_none() => {}
            None => {
                let why = || format!("line {} is not `host|service|source_ip|time`", index + 1);
                parsed.refused.get_or_insert_with(why);
            }
        }
    }
    parsed
}

/// `host|service|source_ip|time`; made by hand it may lack the address, or address and time.
fn line(text: &str) -> Option<Line> {
    let fields: Vec<_> = text.split('|').map(str::trim_ascii).collect();
    let (host, service, address, time) = match fields[..] {
        [host, service] => (host, service, "", ""),
        [host, service, time] => (host, service, "", time),
        [host, service, address, time] => (host, service, address, time),
        _ => return None,
    };
    let is_known = |word: &str| !matches!(word, "" | "-" | UNKNOWN);
    let source_ip = if is_known(address) { Some(address.parse().ok()?) } else { None };
    let seen = if is_known(time) { moment(time)? } else { 0 };
    is_service(service).then_some(())?;
    Some(Line { host: name::host(host)?, service: service.to_owned(), source_ip, seen })
}

fn moment(text: &str) -> Option<u64> {
    let time = Some(text).filter(|text| text.len() == 19)?;
    of_local(DateTime::strptime("%Y-%m-%d %H:%M:%S", time).ok()?)
}

/// Whether a word can stand in the service's field.
pub fn is_service(word: &str) -> bool {
    let fits = (1..=MAX_SERVICE_BYTES).contains(&word.len()) && word == word.trim();
    fits && !word.contains(|c: char| c == '|' || c.is_control())
}

/// Whether the agent writes the word for hosts that it has captured.
pub fn is_captured(service: &str) -> bool {
    HostService::of_word(service).is_some()
}

/// The word for a service, without a copy where it is one of the contract's.
pub fn service(word: String) -> Cow<'static, str> {
    HostService::of_word(&word).map_or(Cow::Owned(word), |it| Cow::Borrowed(it.word()))
}

/// The file's whole text, in the order of the hosts' numbers.
pub fn text(hosts: &[Arc<Host>]) -> Vec<u8> {
    let mut sorted: Vec<_> = hosts.iter().collect();
    sorted.sort_by_key(|host| host.number);
    sorted.into_iter().flat_map(|host| written(host).into_bytes()).collect()
}

/// Adds lines, durable when this returns; all of them or none.
pub fn append(path: &Path, hosts: &[Arc<Host>]) -> io::Result<fs::Metadata> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(LOG_MODE).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.set_permissions(fs::Permissions::from_mode(LOG_MODE))?;
    let len = whole_lines(&mut file)?;
    let added = file.write_all(&text(hosts)).and_then(|()| file.sync_data());
    if let Err(error) = added {
        let _stays_torn_if_even_that_fails = file.set_len(len);
        return Err(error);
    }
    file.metadata()
}

fn written(host: &Host) -> String {
    let address = host.source_ip.as_ref().map_or_else(|| UNKNOWN.to_owned(), IpAddr::to_string);
    let seen = if host.first_seen == 0 { UNKNOWN.to_owned() } else { local_time(host.first_seen) };
    format!("{}|{}|{address}|{seen}\n", host.name, host.service)
}
