//! One account: readings of a counter that only goes up, booked as usage.

use crate::{
    ledger::{record::Record, recorded::Recorded},
    model::{AccountKey, Bytes, Usage},
    time::Now,
};

/// What is written down of an account, and what is not.
#[derive(Debug)]
pub struct Account {
    /// The durable part, true at every instant:
    /// `total_usage = baseline_usage + last_stats`, `mark + last_stats` = the usage counter.
    pub record: Record,
    /// Whether the record has changed since it was last written.
    pub(super) is_dirty: bool,
    /// Whether another account has absorbed this one.
    pub(super) is_struck_out: bool,
    /// Usage of the day before this one, should the clock be set back to it.
    pub(super) other_day: u64,
}

impl Account {
    /// An account that has moved nothing yet.
    pub(super) fn new(key: &AccountKey, epoch: &str, now: Now) -> Self {
        let record = Record {
            service: key.service,
            name: key.name.clone(),
            uid: None,
            epoch: epoch.to_owned(),
            baseline_usage: 0,
            mark: 0,
            last_stats: 0,
            bytes: Bytes::default(),
            raw: Some(Bytes::default()),
            daily_usage: 0,
            daily_limit: 0,
            total_limit: 0,
            last_reset: now.today,
            last_update: now.unix_seconds,
            is_disabled: false,
            exceeded_at: None,
            is_warned: false,
            imported: None,
            clients: Vec::new(),
            passwd_digest: None,
            fwmark: None,
            is_configured: false,
            recorded: Recorded::default(),
        };
        Self { record, is_dirty: false, is_struck_out: false, other_day: 0 }
    }

    /// An account as it was written down.
    pub(super) const fn restored(record: Record) -> Self {
        Self { record, is_dirty: false, is_struck_out: false, other_day: 0 }
    }

    /// Whether it is no more.
    #[must_use]
    pub const fn is_struck_out(&self) -> bool {
        self.is_struck_out
    }

    /// Whether it holds everything that its counter has moved, and nothing else.
    #[must_use]
    pub fn counts_from_zero(&self) -> bool {
        let record = &self.record;
        record.baseline_usage == 0 && record.mark == 0 && record.raw == Some(record.bytes)
    }

    /// Takes over the counter of `taken`, which counted from zero, and what it moved.
    pub(super) fn absorb(&mut self, usage: Usage, taken: &Record) {
        self.begin(usage, &taken.epoch, Bytes::default());
        let record = &mut self.record;
        record.raw = taken.raw;
        record.last_stats = taken.last_stats;
        record.bytes.uplink = record.bytes.uplink.saturating_add(taken.bytes.uplink);
        record.bytes.downlink = record.bytes.downlink.saturating_add(taken.bytes.downlink);
        record.daily_usage = record.daily_usage.saturating_add(taken.daily_usage);
        record.last_update = record.last_update.max(taken.last_update);
    }

    /// A new epoch: what the old counter has moved goes into the baseline, and the new one, which
    /// stands at `reading`, counts from there.
    pub(super) fn begin(&mut self, usage: Usage, epoch: &str, reading: Bytes) {
        let record = &mut self.record;
        record.baseline_usage = record.total_usage();
        record.last_stats = 0;
        record.mark = usage.of(reading);
        record.raw = Some(reading);
        epoch.clone_into(&mut record.epoch);
    }

    /// A counter that is below its last reading has begun again at 0: what it shows is new. Each
    /// direction for itself. Whether any has.
    pub(super) fn follow_fall(&mut self, usage: Usage, reading: Bytes) -> bool {
        let record = &self.record;
        let before = record.raw.unwrap_or_else(|| raw_from_usage_file(record, usage, reading));
        let from = |before, now| if now < before { 0 } else { before };
        let begins_at = Bytes {
            uplink: from(before.uplink, reading.uplink),
            downlink: from(before.downlink, reading.downlink),
        };
        if begins_at == before {
            return false;
        }
        let epoch = record.epoch.clone();
        self.begin(usage, &epoch, begins_at);
        true
    }

    /// Usage is 0 from here on.
    pub(super) fn reset(&mut self, usage: Usage, now: Now) {
        let record = &mut self.record;
        record.mark = match record.raw {
            Some(raw) => usage.of(raw),
            None => record.mark.saturating_add(record.last_stats),
        };
        (record.baseline_usage, record.last_stats, record.daily_usage) = (0, 0, 0);
        record.bytes = Bytes::default();
        (record.exceeded_at, record.is_warned) = (None, false);
        record.last_reset = now.today;
        self.other_day = 0;
    }

    /// Books what the counter has moved since the last reading of this epoch.
    pub(super) fn book(&mut self, usage: Usage, reading: Bytes, keeps_history: bool, now: Now) {
        let record = &mut self.record;
        let before = record.raw.unwrap_or_else(|| raw_from_usage_file(record, usage, reading));
        let up = reading.uplink.checked_sub(before.uplink);
        let down = reading.downlink.checked_sub(before.downlink);
        let (Some(up), Some(down)) = (up, down) else {
            // Nothing lowers a counter. Should one be lower all the same, go on from where it
            // stands: what it shows may be booked already.
            let epoch = std::mem::take(&mut record.epoch);
            return self.begin(usage, &epoch, reading);
        };
        let moved = usage.of(Bytes { uplink: up, downlink: down });
        record.raw = Some(reading);
        record.bytes.uplink = record.bytes.uplink.saturating_add(up);
        record.bytes.downlink = record.bytes.downlink.saturating_add(down);
        if keeps_history {
            let recorded = &mut record.recorded.bytes;
            recorded.uplink = recorded.uplink.saturating_add(up);
            recorded.downlink = recorded.downlink.saturating_add(down);
        }
        record.last_stats = record.last_stats.saturating_add(moved);
        record.daily_usage = record.daily_usage.saturating_add(moved);
        record.last_update = now.unix_seconds;
    }
}

/// The raw counters behind a record that only the usage file has kept.
///
/// The file tells the usage counter to the byte. The other direction is known in an account's first
/// epoch, where it equals the account's bytes; later it is taken as not moved since the file was
/// written, which shows too few bytes of a direction that is not usage.
fn raw_from_usage_file(record: &Record, usage: Usage, reading: Bytes) -> Bytes {
    if record.mark == 0 && record.baseline_usage == 0 {
        return record.bytes;
    }
    let counter = record.mark.saturating_add(record.last_stats);
    match usage {
        Usage::Uplink => Bytes { uplink: counter, ..reading },
        Usage::Downlink => Bytes { downlink: counter, ..reading },
        Usage::Both => Bytes { uplink: counter.saturating_sub(reading.downlink), ..reading },
    }
}
