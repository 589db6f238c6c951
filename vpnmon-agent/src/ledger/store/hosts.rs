//! `hosts.log`: one line a host, `host|service|source_ip|YYYY-MM-DD HH:MM:SS`.

use std::{collections::HashSet, fs, io, net::IpAddr, path::Path};

use jiff::civil::DateTime;

use super::atomic;

const HOSTS: &str = "hosts.log";
const MODE: u32 = 0o640;
/// The contract's name for an address that is not known.
const UNKNOWN: &str = "N/A";

/// One host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Lower case, no final dot.
    pub host: String,
    /// In capitals in the file.
    pub service: String,
    /// The client.
    pub source_ip: Option<IpAddr>,
    /// Local time.
    pub seen: Option<DateTime>,
}

/// Adds the hosts that are not there yet. How many were added.
pub fn add(state_dir: &Path, rows: impl Iterator<Item = Row>) -> io::Result<usize> {
    let mut text = match fs::read_to_string(state_dir.join(HOSTS)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let host_of = |line: &str| line.split('|').next().unwrap_or_default().to_lowercase();
    let mut there: HashSet<String> = text.lines().map(host_of).collect();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut added = 0;
    for row in rows {
        if there.insert(row.host.to_lowercase()) {
            text.push_str(&line(&row));
            added += 1;
        }
    }
    if added > 0 {
        atomic::replace(state_dir, HOSTS, text.as_bytes(), MODE)?;
        atomic::sync_dir(state_dir)?;
    }
    Ok(added)
}

fn line(row: &Row) -> String {
    let address = row.source_ip.map_or_else(|| UNKNOWN.to_owned(), |ip| ip.to_string());
    let seen = row.seen.map_or_else(|| UNKNOWN.to_owned(), |at| at.strftime("%F %T").to_string());
    format!("{}|{}|{address}|{seen}\n", row.host, row.service.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_added_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(HOSTS), "Old.example|SSH|1.2.3.4|2026-01-01 00:00:00").unwrap();
        let row = |host: &str| Row {
            host: host.to_owned(),
            service: "ssh".to_owned(),
            source_ip: None,
            seen: Some(DateTime::constant(2026, 11, 24, 1, 2, 3, 0)),
        };
        let rows = [row("old.example"), row("new.example"), row("new.example")];
        assert_eq!(add(dir.path(), rows.iter().cloned()).unwrap(), 1);
        assert_eq!(add(dir.path(), rows.into_iter()).unwrap(), 0);
        let text = fs::read_to_string(dir.path().join(HOSTS)).unwrap();
        assert_eq!(
            text,
            "Old.example|SSH|1.2.3.4|2026-01-01 00:00:00\nnew.example|SSH|N/A|2026-11-24 01:02:03\n"
        );
    }
}
