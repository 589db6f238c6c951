//! `usage/<name>.json`: the panel's nine keys first and in its order, then ours.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{record::Record, recorded::Recorded},
    model::{AccountKey, Bytes, Service},
};

/// The file, key by key.
#[derive(Debug, Serialize, Deserialize)]
pub struct UsageFile {
    username: String,
    daily_usage: u64,
    total_usage: u64,
    daily_limit: u64,
    total_limit: u64,
    last_reset: Date,
    last_update: u64,
    baseline_usage: u64,
    last_stats: u64,
    service: Service,
    uplink: u64,
    downlink: u64,
    mark: u64,
    epoch: String,
}

impl UsageFile {
    /// What the file of an account says.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self {
            username: record.name.clone(),
            daily_usage: record.daily_usage,
            total_usage: record.total_usage(),
            daily_limit: record.daily_limit,
            total_limit: record.total_limit,
            last_reset: record.last_reset,
            last_update: record.last_update,
            baseline_usage: record.baseline_usage,
            last_stats: record.last_stats,
            service: record.service,
            uplink: record.bytes.uplink,
            downlink: record.bytes.downlink,
            mark: record.mark,
            epoch: record.epoch.clone(),
        }
    }

    /// Whose file it is.
    pub fn key(&self) -> AccountKey {
        AccountKey::new(self.service, self.username.clone())
    }

    /// The account as somebody's editor left it: `total_usage` is what they mean.
    pub fn into_edited_record(self) -> Record {
        let last_stats = self.last_stats.min(self.total_usage);
        let baseline_usage = self.total_usage - last_stats;
        self.record(baseline_usage, last_stats)
    }

    /// The account that the file is of; `Err` says what in it cannot be true.
    pub fn into_record(self) -> Result<Record, String> {
        let sum = self.baseline_usage.checked_add(self.last_stats);
        if sum != Some(self.total_usage) {
            return Err(format!(
                "total_usage {} is not baseline_usage {} + last_stats {}",
                self.total_usage, self.baseline_usage, self.last_stats
            ));
        }
        let (baseline_usage, last_stats) = (self.baseline_usage, self.last_stats);
        Ok(self.record(baseline_usage, last_stats))
    }

    fn record(self, baseline_usage: u64, last_stats: u64) -> Record {
        Record {
            service: self.service,
            name: self.username,
            uid: None,
            epoch: self.epoch,
            baseline_usage,
            mark: self.mark,
            last_stats,
            bytes: Bytes { uplink: self.uplink, downlink: self.downlink },
            raw: None,
            daily_usage: self.daily_usage,
            daily_limit: self.daily_limit,
            total_limit: self.total_limit,
            last_reset: self.last_reset,
            last_update: self.last_update,
            is_disabled: false,
            exceeded_at: None,
            is_warned: false,
            imported: None,
            clients: Vec::new(),
            passwd_digest: None,
            fwmark: None,
            is_configured: false,
            recorded: Recorded::default(),
        }
    }
}
