//! What the old panel left in its files, as far as it can be understood; nothing is written.
//!
//! The parsers take bytes and touch no disk. A line is taken or it is reported: the panel's files
//! are torn by its own `sed`, and a guess would become somebody's limit.

pub mod conf;
mod field;
mod file;
pub mod hosts;
mod join;
pub mod lines;
mod places;
mod usage_dir;
pub mod usage_json;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use jiff::civil::{Date, DateTime};

pub use self::places::Places;
use self::{join::Sources, lines::Parsed};
use crate::{escape::escaped, model::Service};

/// Everything that was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By name, then service; each pair once.
    pub accounts: Vec<LegacyAccount>,
    /// Each host once.
    pub hosts: Vec<LegacyHost>,
    /// What was not taken.
    pub skipped: Vec<Skipped>,
}

/// The panel's kinds of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegacyService {
    /// `ssh`: OpenSSH and dropbear.
    Ssh,
    /// `vmess`.
    Vmess,
    /// `vless`.
    Vless,
    /// `trojan`.
    Trojan,
    /// The panel's `ssws`.
    Shadowsocks,
}

impl From<LegacyService> for Service {
    fn from(service: LegacyService) -> Self {
        match service {
            LegacyService::Ssh => Self::Ssh,
            LegacyService::Vmess => Self::Vmess,
            LegacyService::Vless => Self::Vless,
            LegacyService::Trojan => Self::Trojan,
            LegacyService::Shadowsocks => Self::Shadowsocks,
        }
    }
}

/// One account of the panel; `None` is unknown, never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyAccount {
    /// Its name, whatever the admin chose: no control characters, at most 64 bytes.
    pub name: String,
    /// `None` where only usage is left of it, which the panel kept by name alone.
    pub service: Option<LegacyService>,
    /// From `bw-limit.conf`, in bytes; 0 is unlimited.
    pub total_limit: Option<u64>,
    /// From its usage JSON, in bytes; 0 is unlimited.
    pub daily_limit: Option<u64>,
    /// Usage up to now, in bytes.
    pub used: Option<u64>,
    /// Usage of that day, in bytes. `None` too where it equals the total: the panel compared the
    /// date with one that had a comma at its end, and so began a new day at every poll and wrote
    /// the total into it.
    pub daily_used: Option<(Date, u64)>,
    /// Day that the panel's daily usage began on; it kept no other.
    pub last_reset: Option<Date>,
    /// Day it was disabled on, by hand or at its limit; `None` where it is not.
    pub disabled_since: Option<Date>,
}

/// One captured host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyHost {
    /// Lower case, without port and final dot.
    pub host: String,
    /// The panel's word for it, or an admin's.
    pub service: String,
    /// The client; `None` on rows made by hand.
    pub source_ip: Option<IpAddr>,
    /// Local time.
    pub seen: Option<DateTime>,
}

/// Something in the files that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// Why, in words; text from the file is escaped.
    pub why: String,
}

/// One line that only shows: `FILE:LINE: WHY`, or `FILE: WHY`.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.file.to_string_lossy()))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", escaped(&self.why))
    }
}

/// Reads all of the panel's files that are there.
#[must_use]
pub fn read(places: &Places) -> Found {
    let mut skipped = Vec::new();
    let own = own_names(places, &mut skipped);
    let sources = Sources {
        limits: parsed(&places.limits, conf::limits, &mut skipped),
        baselines: parsed(&places.baselines, conf::counts, &mut skipped),
        counters: parsed(&places.counters, conf::counts, &mut skipped),
        disabled: parsed(&places.disabled, conf::disabled, &mut skipped),
        usage: usage_dir::read(&places.usage, &mut skipped),
    };
    let accounts = join::accounts(sources, places, &mut skipped);
    let captured = [&places.hosts, &places.old_hosts]
        .map(|file| parsed(file, |bytes| hosts::hosts(bytes, &own), &mut skipped));
    Found { accounts, hosts: hosts::merged(captured), skipped }
}

/// What the server itself is called.
fn own_names(places: &Places, skipped: &mut Vec<Skipped>) -> hosts::OwnNames {
    let mut own = hosts::OwnNames::default();
    for path in &places.own_names {
        for (_, name) in parsed(path, hosts::own_names, skipped).taken {
            own.add(name);
        }
    }
    own
}

/// Parses `file`, if it is there, and reports what in it was refused.
fn parsed<T>(
    file: &Path,
    parse: impl Fn(&[u8]) -> Parsed<T>,
    skipped: &mut Vec<Skipped>,
) -> Parsed<T> {
    match file::read(file) {
        Ok(None) => Parsed::default(),
        Ok(Some(text)) => {
            let parsed = parse(&text);
            skipped.extend(parsed.refused.iter().map(|refused| refused.in_file(file)));
            parsed
        }
        Err(why) => {
            skipped.push(Skipped { file: file.to_owned(), line: 0, why });
            Parsed::unreadable()
        }
    }
}
