//! Captured hosts: `hosts.log`, and `captured-hosts.txt` of older panels.

use std::{collections::HashSet, net::IpAddr};

use super::{LegacyHost, field, lines::Parsed};
use crate::hosts::name;

/// An admin may have typed it.
const MAX_SERVICE_BYTES: usize = 32;
/// What the server is called on every machine.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// What stands where the client or the time is not known.
const UNKNOWN: [&str; 3] = ["", "-", "N/A"];

/// Names of the server itself, which are no captured hosts.
#[derive(Debug)]
pub struct OwnNames(HashSet<String>);

impl Default for OwnNames {
    fn default() -> Self {
        Self(LOCAL.map(str::to_owned).into())
    }
}

impl OwnNames {
    pub fn add(&mut self, name: String) {
        self.0.insert(name);
    }
}

/// `/etc/xray/domain` and `/etc/myipvps`: a name or an address.
pub fn own_names(text: &[u8]) -> Parsed<String> {
    Parsed::each(text, host)
}

/// `host|service|source_ip|time`, or `host|service|time` where there is no address.
pub fn hosts(text: &[u8], own: &OwnNames) -> Parsed<LegacyHost> {
    let row = |line: &str| {
        let row = row(line)?;
        if own.0.contains(&row.host) {
            return Err(format!("{} is the server itself", field::quoted(&row.host)));
        }
        Ok(row)
    };
    Parsed::each(text, row).last_wins(|row| row.host.clone())
}

/// Each host once: of several files the first that names it, for it says more.
pub fn merged(files: [Parsed<LegacyHost>; 2]) -> Vec<LegacyHost> {
    let mut seen = HashSet::new();
    let rows = files.into_iter().flat_map(|file| file.taken);
    rows.map(|(_, row)| row).filter(|row| seen.insert(row.host.clone())).collect()
}

fn row(line: &str) -> Result<LegacyHost, String> {
    let fields: Vec<_> = line.split('|').map(str::trim_ascii).collect();
    let (name, service, address, time) = match fields[..] {
        [name, service, time] => (name, service, "", time),
        [name, service, address, time] => (name, service, address, time),
        _ => {
            let line = field::quoted(line);
            return Err(format!("{line} is not `host|service|source_ip|time`"));
        }
    };
    let seen = if UNKNOWN.contains(&time) { None } else { Some(field::time(time)?) };
    Ok(LegacyHost {
        host: host(name)?,
        service: service_of(service)?,
        source_ip: source_ip(address)?,
        seen,
    })
}

fn service_of(word: &str) -> Result<String, String> {
    let fits = (1..=MAX_SERVICE_BYTES).contains(&word.len()) && !word.contains(char::is_control);
    fits.then(|| word.to_owned()).ok_or_else(|| format!("{} is no service", field::quoted(word)))
}

fn source_ip(word: &str) -> Result<Option<IpAddr>, String> {
    if UNKNOWN.contains(&word) {
        return Ok(None);
    }
    word.parse().map(Some).map_err(|_| format!("{} is no IP address", field::quoted(word)))
}

/// A name or address without port and final dot, in lower case.
fn host(word: &str) -> Result<String, String> {
    let bare = |name: String| match name.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(address) => address.to_owned(),
        None => name,
    };
    name::host(word).map(bare).ok_or_else(|| format!("{} is no host name", field::quoted(word)))
}
