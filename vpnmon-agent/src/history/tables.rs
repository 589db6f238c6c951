//! What is in the file.

use redb::TableDefinition;

use super::{
    day::Day,
    row::{put, take},
};
use crate::model::{AccountKey, Bytes};

/// Days that are not over yet: one row an account. By day first, so that what is written in a minute
/// lies together.
pub const OPEN: TableDefinition<'_, (Day, u64), &[u8]> = TableDefinition::new("open-days");
/// Days that are: [`super::block`]s, by the number of their first account.
pub const OVER: TableDefinition<'_, (Day, u64), &[u8]> = TableDefinition::new("days");
/// [`Known`], by the account's number.
pub const ACCOUNTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("accounts");

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What it is called, or was.
    pub key: AccountKey,
    /// How far it had come when its rows were written.
    pub bytes: Bytes,
    /// The last day that it moved anything; 0 before it has.
    pub last_day: Day,
}

impl Known {
    /// As a value of [`ACCOUNTS`].
    pub fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(32 + self.key.name.len());
        for number in [self.bytes.uplink, self.bytes.downlink, self.last_day.into()] {
            put(&mut packed, number);
        }
        packed.extend_from_slice(self.key.service.word().as_bytes());
        packed.push(b':');
        packed.extend_from_slice(self.key.name.as_bytes());
        packed
    }

    /// Of a value; `None` where it is none.
    pub fn unpack(mut packed: &[u8]) -> Option<Self> {
        let bytes = Bytes { uplink: take(&mut packed)?, downlink: take(&mut packed)? };
        let last_day = Day::try_from(take(&mut packed)?).ok()?;
        let (service, name) = std::str::from_utf8(packed).ok()?.split_once(':')?;
        Some(Self { key: AccountKey::new(service.parse().ok()?, name), bytes, last_day })
    }
}
