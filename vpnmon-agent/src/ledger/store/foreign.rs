//! Usage files that somebody else has changed: the panel's, an admin's editor, damage.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::load::{read_file, set_aside};
use crate::{
    ledger::{batch::Edit, incident::Incident, record::Record, usage_file::UsageFile},
    model::AccountKey,
};

const MAX_USAGE_BYTES: u64 = 64 << 10;

/// What tells that a file is the one that was written or read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub fn of(metadata: &fs::Metadata) -> Self {
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Self { inode: metadata.ino(), len: metadata.len(), changed }
    }
}

/// A usage file as it was when it was last written or read.
#[derive(Debug)]
pub struct Seen {
    pub stamp: Stamp,
    pub record: Record,
}

/// What stands in the place of a file.
pub enum Found {
    /// What was there before, or nothing.
    Ours,
    /// The account's file, changed.
    Edited(Box<(Edit, Seen)>),
    /// Something that is no usage file of this account; it is out of the way now.
    Aside(Incident),
}

/// Looks whether `path` is still as `seen`.
pub fn look(path: &Path, key: &AccountKey, seen: Option<&Seen>, at: u64) -> io::Result<Found> {
    let stamp = match fs::symlink_metadata(path) {
        Ok(metadata) => Stamp::of(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Ours),
        Err(error) => return Err(error),
    };
    if seen.is_some_and(|seen| seen.stamp == stamp) {
        return Ok(Found::Ours);
    }
    let read = read_file(path, MAX_USAGE_BYTES);
    if let Ok((text, _)) = &read
        && keep_for_import(path, text)?
    {
        return Ok(Found::Ours);
    }
    let parsed = read.and_then(|(text, _)| Ok(serde_json::from_slice::<UsageFile>(&text)?));
    let edited = parsed.and_then(|file| {
        anyhow::ensure!(file.key() == *key, "it is the file of another account");
        let seen = seen.ok_or_else(|| anyhow::anyhow!("nobody knows where it comes from"))?;
        let record = file.into_edited_record();
        Ok((edit(key, &seen.record, &record), Seen { stamp, record }))
    });
    Ok(match edited {
        Ok(edited) => Found::Edited(Box::new(edited)),
        Err(why) => Found::Aside(set_aside(path, at, &why)),
    })
}

fn edit(key: &AccountKey, before: &Record, after: &Record) -> Edit {
    let pair = |old: u64, new: u64| (old != new).then_some((old, new));
    let limit = |old: u64, new: u64| (old != new).then_some(new);
    Edit {
        key: key.clone(),
        total_usage: pair(before.total_usage(), after.total_usage()),
        daily_usage: pair(before.daily_usage, after.daily_usage),
        daily_limit: limit(before.daily_limit, after.daily_limit),
        total_limit: limit(before.total_limit, after.total_limit),
    }
}

/// Moves a file of the old panel to `NAME.json.panel`, for `import`. Whether it was one.
///
/// A panel that still runs writes again and again: its last file is the one that is kept.
pub fn keep_for_import(path: &Path, text: &[u8]) -> io::Result<bool> {
    let has = |key: &[u8]| text.windows(key.len()).any(|window| window == key);
    // The panel's writer leaves numbers like `0,`: its files need not parse.
    let is_panels = has(b"\"username\"") && has(b"\"last_stats\"") && !has(b"\"epoch\"");
    if is_panels {
        fs::rename(path, path.with_added_extension("panel"))?;
    }
    Ok(is_panels)
}
