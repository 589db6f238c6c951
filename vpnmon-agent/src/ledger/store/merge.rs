//! One account from its usage file and the snapshot.

use std::{collections::HashMap, time::SystemTime};

use crate::{
    ledger::record::Record,
    model::{AccountKey, Bytes},
};

/// An account as one file tells it.
#[derive(Clone, Debug)]
pub struct FromDisk {
    /// The account.
    pub record: Record,
    /// When the file was written.
    pub written: SystemTime,
}

/// Joins what the usage files and the snapshot tell of each account.
pub fn merge(
    files: HashMap<AccountKey, FromDisk>,
    mut snapshot: HashMap<AccountKey, FromDisk>,
) -> Vec<Record> {
    let mut records = Vec::with_capacity(files.len().max(snapshot.len()));
    for (key, file) in files {
        records.push(match snapshot.remove(&key) {
            Some(kept) => join(file, kept),
            None => file.record,
        });
    }
    // Their usage files were damaged or taken away.
    records.extend(snapshot.into_values().map(|kept| kept.record));
    records
}

fn join(file: FromDisk, kept: FromDisk) -> Record {
    let same_life = (&file.record.epoch, file.record.baseline_usage, file.record.mark)
        == (&kept.record.epoch, kept.record.baseline_usage, kept.record.mark);
    if !same_life {
        // A crash between the two writes leaves the snapshot newer; an admin's hand the file.
        return if file.written > kept.written {
            Record { uid: kept.record.uid, ..file.record }
        } else {
            kept.record
        };
    }
    match advance(&file.record, &kept.record) {
        Some(raw) => Record { uid: kept.record.uid, raw: Some(raw), ..file.record },
        None => Record {
            daily_limit: file.record.daily_limit,
            total_limit: file.record.total_limit,
            ..kept.record
        },
    }
}

/// The raw counters behind the file: within an epoch they go up as the account's bytes do.
fn advance(file: &Record, kept: &Record) -> Option<Bytes> {
    let raw = kept.raw?;
    let uplink = file.bytes.uplink.checked_sub(kept.bytes.uplink)?;
    let downlink = file.bytes.downlink.checked_sub(kept.bytes.downlink)?;
    Some(Bytes {
        uplink: raw.uplink.checked_add(uplink)?,
        downlink: raw.downlink.checked_add(downlink)?,
    })
}
