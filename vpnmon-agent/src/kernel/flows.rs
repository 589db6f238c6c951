//! The rows of flows: what each has moved, and which are free.

use std::{
    collections::VecDeque,
    sync::atomic::Ordering::{Relaxed, Release},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aya::maps::{MapData, Stack};
use vpnmon_common::flow::{Flow, flow, index, word};

use super::{mapped::MappedWords, marks::Marks};
use crate::{event::FlowMoved, model::Bytes};

/// How long a program that has found a flow counting can take to add to it: it runs for
/// microseconds, and may be held up meanwhile.
const LAST_PACKETS: Duration = Duration::from_millis(250);

/// All rows. A row has one use after the other, and counts on.
pub struct Flows {
    rows: MappedWords,
    marks: Marks,
    free: Stack<MapData, Flow>,
    /// By index.
    last: Vec<Last>,
    /// Of the next use.
    number: u64,
    /// Those that count no more, and since when.
    retired: VecDeque<(usize, Duration)>,
}

/// The use of a row that is now or was last, and what was read of it.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    flow: Flow,
    bytes: Bytes,
}

impl Flows {
    /// New rows, all of them free. `seed` is what no other agent is likely to have.
    pub(super) fn new(
        rows: MappedWords,
        marks: Marks,
        free: Stack<MapData, Flow>,
        seed: u64,
    ) -> Result<Self> {
        let count = rows.len() / word::COUNT;
        let (last, retired) = (vec![Last::default(); count], VecDeque::new());
        // Half of the numbers lie before it, and a count of uses never gets through the rest.
        let number = seed >> (u64::BITS - 47) | 1;
        let mut flows = Self { rows, marks, free, last, number, retired };
        // Of a stack the last is the first.
        (0..count).rev().try_for_each(|row| flows.set_free(row))?;
        Ok(flows)
    }

    /// Fills `moved` with what flows have moved since the last call, and `over` with those of which
    /// that was the last word.
    pub fn drain(&mut self, now: Duration, moved: &mut Vec<FlowMoved>, over: &mut Vec<Flow>) {
        moved.clear();
        over.clear();
        let (rows, last) = (&self.rows, &mut self.last);
        let mut read = |row: usize| moved.extend(read(rows, last, row));
        self.marks.take(rows.len() / word::COUNT, &mut read);
        let is_cold = |(_, since): &(usize, Duration)| now.saturating_sub(*since) >= LAST_PACKETS;
        while let Some((row, _)) = self.retired.pop_front_if(|it| is_cold(it)) {
            moved.extend(self::read(&self.rows, &mut self.last, row));
            over.push(self.last[row].flow);
            if let Err(error) = self.set_free(row) {
                log::debug!("{error:#}");
            }
        }
    }

    /// These count no more; [`Flows::drain`] tells when they are over.
    pub fn retire(&mut self, flows: &[Flow], now: Duration) {
        for flow in flows {
            let row = index(*flow) as usize;
            let Some(current) = self.rows.get(row * word::COUNT + word::FLOW) else { continue };
            if current.load(Relaxed) == *flow {
                current.store(0, Release);
                self.retired.push_back((row, now));
            }
        }
    }

    fn set_free(&mut self, row: usize) -> Result<()> {
        let place = u32::try_from(row).context("more rows than a flow can name")?;
        let flow = flow(self.number, place);
        self.number += 1;
        self.last[row].flow = flow;
        self.rows[row * word::COUNT + word::FLOW].store(flow, Release);
        self.free.push(flow, 0).context("cannot give a flow back")
    }
}

/// What the row has moved since it was read last, if anything.
fn read(rows: &MappedWords, last: &mut [Last], row: usize) -> Option<FlowMoved> {
    let words = rows.get(row * word::COUNT..(row + 1) * word::COUNT)?;
    let last = last.get_mut(row)?;
    let now = Bytes {
        uplink: words[word::UPLINK_BYTES].load(Relaxed),
        downlink: words[word::DOWNLINK_BYTES].load(Relaxed),
    };
    let before = std::mem::replace(&mut last.bytes, now);
    let bytes = Bytes {
        uplink: now.uplink.wrapping_sub(before.uplink),
        downlink: now.downlink.wrapping_sub(before.downlink),
    };
    (bytes != Bytes::default()).then_some(FlowMoved { flow: last.flow, bytes })
}

impl std::fmt::Debug for Flows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flows").field("rows", &self.last.len()).finish_non_exhaustive()
    }
}
