//! What the server itself is called: the panel's `/etc/xray/domain` and `/etc/myipvps`.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use crate::hosts::name;

/// Its name, and its address.
const FILES: [&str; 2] = ["/etc/xray/domain", "/etc/myipvps"];
/// Each holds a line.
const MAX_BYTES: u64 = 64 << 10;

/// What tells that a file is another one: inode, length and time of its last change.
type Stamp = (u64, u64, i64, i64);

/// Watches the files.
#[derive(Debug)]
pub struct OwnNameWatch {
    files: Vec<PathBuf>,
    last: Option<Vec<Option<Stamp>>>,
}

impl Default for OwnNameWatch {
    fn default() -> Self {
        Self::of(FILES.map(PathBuf::from).into())
    }
}

impl OwnNameWatch {
    /// The first look finds a change.
    pub const fn of(files: Vec<PathBuf>) -> Self {
        Self { files, last: None }
    }

    /// The names, if a file is not the one of the last look. A missing file names nothing.
    pub fn changed(&mut self) -> Option<Vec<String>> {
        let stamps: Vec<_> = self.files.iter().map(stamp).collect();
        if self.last.as_ref() == Some(&stamps) {
            return None;
        }
        let readable = self.files.iter().zip(&stamps).filter(|(_, stamp)| stamp.is_some());
        let names = readable.flat_map(|(file, _)| names(&fs::read(file).unwrap_or_default()));
        let names = names.collect();
        self.last = Some(stamps);
        Some(names)
    }
}

fn stamp(file: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok().filter(|it| it.is_file() && it.len() <= MAX_BYTES)?;
    Some((metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
}

/// A name or an address a line; what is neither is passed over.
fn names(text: &[u8]) -> Vec<String> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter_map(|line| name::host(std::str::from_utf8(line).ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_again_when_they_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("domain");
        let mut watch = OwnNameWatch::of(vec![file.clone(), dir.path().join("none")]);
        assert_eq!(watch.changed(), Some(Vec::new()));
        assert_eq!(watch.changed(), None);
        fs::write(&file, "VPN.example.\n# no name\n203.0.113.9\r\n").unwrap();
        assert_eq!(watch.changed().unwrap(), ["vpn.example", "203.0.113.9"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(watch.changed(), Some(Vec::new()));
    }
}
