//! One account from its usage file and the snapshot.

use std::{collections::HashMap, time::SystemTime};

use crate::{
    ledger::{record::Record, recorded::Recorded},
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
            with_what_the_file_lacks(file.record, &kept.record, None)
        } else {
            kept.record
        };
    }
    let moved = (
        file.record.bytes.uplink.checked_sub(kept.record.bytes.uplink),
        file.record.bytes.downlink.checked_sub(kept.record.bytes.downlink),
    );
    let (Some(uplink), Some(downlink)) = moved else {
        // The snapshot is newer; limits are the file's, where an admin may have set them.
        let Record { daily_limit, total_limit, .. } = file.record;
        return Record { daily_limit, total_limit, ..kept.record };
    };
    // Within an epoch the raw counters go up as the account's bytes do.
    let raw = kept.record.raw.map(|raw| Bytes {
        uplink: raw.uplink.saturating_add(uplink),
        downlink: raw.downlink.saturating_add(downlink),
    });
    with_what_the_file_lacks(file.record, &kept.record, raw)
}

fn with_what_the_file_lacks(file: Record, kept: &Record, raw: Option<Bytes>) -> Record {
    let &Record { uid, fwmark, is_disabled, is_warned, .. } = kept;
    let &Record { imported, passwd_digest, is_configured, .. } = kept;
    // Who has put usage back in the file has lifted the limit.
    let exceeded_at = kept.exceeded_at.filter(|_| file.total_usage() >= kept.total_usage());
    let clients = kept.clients.clone();
    let recorded = recorded(&file, kept);
    Record {
        uid,
        raw,
        is_disabled,
        exceeded_at,
        is_warned,
        imported,
        clients,
        passwd_digest,
        fwmark,
        is_configured,
        recorded,
        ..file
    }
}

/// What the file has counted since the snapshot is for the history as well.
fn recorded(file: &Record, kept: &Record) -> Recorded {
    let Recorded { number, bytes } = kept.recorded;
    let since = |of: fn(Bytes) -> u64| of(file.bytes).saturating_sub(of(kept.bytes));
    let uplink = bytes.uplink.saturating_add(since(|bytes| bytes.uplink));
    let downlink = bytes.downlink.saturating_add(since(|bytes| bytes.downlink));
    Recorded { number, bytes: Bytes { uplink, downlink } }
}
