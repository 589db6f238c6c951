//! Days that are over are packed: what was a row an account becomes full pages.

use std::collections::BTreeMap;

use anyhow::Result;
use redb::{ReadableTable as _, WriteTransaction};

use super::{
    block::{Block, rows},
    day::Day,
    row::Row,
    tables::{OPEN, OVER},
};

/// Rows a commit, so that midnight with many accounts keeps the disk busy no longer than any minute.
pub const MAX_ROWS: usize = 8192;

/// Packs some of what is left of days before `today`.
pub fn settle(write: &WriteTransaction, today: Day) -> Result<()> {
    let mut open = write.open_table(OPEN)?;
    let mut rows = BTreeMap::new();
    let mut of = None;
    for entry in open.range(..(today, 0))?.take(MAX_ROWS) {
        let (place, packed) = entry?;
        let (day, number) = place.value();
        // One day at a time.
        if *of.get_or_insert(day) != day {
            break;
        }
        if let Some(row) = Row::unpack(&mut packed.value()) {
            rows.insert(number, row);
        }
    }
    let Some(day) = of else { return Ok(()) };
    for number in rows.keys() {
        open.remove((day, *number))?;
    }
    pack(write, day, rows)
}

/// Puts rows into blocks, with those of blocks that lie among them.
fn pack(write: &WriteTransaction, day: Day, mut all: BTreeMap<u64, Row>) -> Result<()> {
    let mut over = write.open_table(OVER)?;
    let (Some(first), Some(last)) = (all.keys().next().copied(), all.keys().next_back().copied())
    else {
        return Ok(());
    };
    let mut stale = Vec::new();
    // Also the one that begins before and reaches into them.
    let begins = over.range((day, 0)..=(day, first))?.next_back().transpose()?;
    let begins = begins.map_or(first, |(place, _)| place.value().1);
    for entry in over.range((day, begins)..=(day, last))? {
        let (place, packed) = entry?;
        let number = place.value().1;
        stale.push(number);
        for (number, row) in rows(number, packed.value()) {
            all.entry(number).or_default().add_all(&row);
        }
    }
    for number in stale {
        over.remove((day, number))?;
    }
    let mut block = Block::default();
    for (number, row) in all {
        if !block.push(number, &row) {
            put(&mut over, day, &block)?;
            block = Block::default();
            block.push(number, &row);
        }
    }
    put(&mut over, day, &block)
}

fn put(over: &mut redb::Table<'_, (Day, u64), &[u8]>, day: Day, block: &Block) -> Result<()> {
    if let Some((first, packed)) = block.parts() {
        over.insert((day, first), packed)?;
    }
    Ok(())
}
