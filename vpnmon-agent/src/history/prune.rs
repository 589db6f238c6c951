//! What is older than is kept goes, some of it with each commit.

use anyhow::Result;
use redb::{ReadableTable as _, Table, WriteTransaction};

use super::{
    day::Day,
    tables::{ACCOUNTS, Known, OPEN, OVER},
};

/// Values a commit.
const MAX_VALUES: usize = 4096;

/// Takes away days before `oldest`, and once a day what is known of accounts that have none left and
/// are not `alive`.
pub fn prune(
    write: &WriteTransaction,
    oldest: Day,
    is_new_day: bool,
    alive: impl Fn(u64) -> bool,
) -> Result<()> {
    for table in [OPEN, OVER] {
        prune_days(&mut write.open_table(table)?, oldest)?;
    }
    if !is_new_day {
        return Ok(());
    }
    write.open_table(ACCOUNTS)?.retain(|number, packed| {
        alive(number) || Known::unpack(packed).is_some_and(|known| known.last_day >= oldest)
    })?;
    Ok(())
}

fn prune_days(days: &mut Table<'_, (Day, u64), &[u8]>, oldest: Day) -> Result<()> {
    let mut old = Vec::new();
    for entry in days.range(..(oldest, 0))?.take(MAX_VALUES) {
        old.push(entry?.0.value());
    }
    for place in old {
        days.remove(place)?;
    }
    Ok(())
}
