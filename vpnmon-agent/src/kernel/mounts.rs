//! What is mounted where.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// A line of mountinfo (proc(5)).
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub at: PathBuf,
    /// The type of the file system.
    pub kind: String,
}

/// All mounts of this mount namespace, later ones on top of earlier ones.
pub fn all() -> Result<Vec<Mount>> {
    let text = fs::read(MOUNTINFO).with_context(|| format!("cannot read {MOUNTINFO}"))?;
    Ok(parse(&text))
}

/// The mounts of a mountinfo; lines that are none are passed over.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// Whether a file system of this type is mounted at `path`, on top.
pub fn is_mounted(mounts: &[Mount], path: &Path, kind: &str) -> bool {
    mounts.iter().rfind(|mount| mount.at == path).is_some_and(|mount| mount.kind == kind)
}

/// The fifth word is the place; the type follows the lone dash.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let at = PathBuf::from(OsString::from_vec(unescape(words.nth(4)?)));
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    Some(Mount { at, kind: String::from_utf8(kind.to_vec()).ok()? })
}

/// Space, tab, newline and backslash come as three octal digits.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, after @ ..] = rest {
        rest = after;
        let octal = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
        match after.get(..3).filter(|_| *first == b'\\').and_then(octal) {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => plain.push(*first),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(at, kind)| Mount { at: at.into(), kind: kind.to_owned() });
        assert_eq!(mount(line.as_bytes()), expected);
    }

    #[test]
    fn reads_mountinfo() {
        check(
            "30 23 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw",
            Some(("/sys/fs/cgroup/unified", "cgroup2")),
        );
        check("30 23 0:26 / /a\\040b\\134 rw - bpf none rw", Some(("/a b\\", "bpf")));
        check("", None);
        check("30 23 0:26 / /a rw", None);
    }
}
