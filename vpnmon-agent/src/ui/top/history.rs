//! Rates of the last minutes, of the accounts that were on the screen: a sample a second.

use std::collections::{HashMap, VecDeque};

use super::key_of;
use crate::view::{
    Account,
    screen::{Screen, Shown, Totals},
};

/// Seconds that are kept: as many as the widest line shows.
const KEPT: usize = 240;
/// Accounts that are kept; those that were not seen for longest go.
const ACCOUNTS: usize = 1024;

/// Up and down, in bits per second; `None` where it was not on the screen.
type Sample = Option<(u64, u64)>;

/// What was seen.
#[derive(Debug, Default)]
pub struct History {
    /// The agent's time of the last sample, in seconds.
    now: u64,
    of_all: Track,
    of_account: HashMap<String, Track>,
}

#[derive(Debug, Default)]
struct Track {
    samples: VecDeque<Sample>,
    /// Time of the last one.
    at: u64,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
    Both,
}

impl History {
    /// Takes a sample of all that is shown, if a second has begun.
    pub fn note(&mut self, screen: &Screen) {
        if screen.now < self.now {
            // The clock was set back.
            *self = Self::default();
        }
        self.now = screen.now;
        let Totals { uplink_bps, downlink_bps, .. } = screen.totals;
        self.of_all.put(self.now, uplink_bps.zip(downlink_bps));
        match &screen.shown {
            Shown::Accounts(shown) => shown.rows.iter().for_each(|account| self.note_one(account)),
            Shown::Account { account, .. } => self.note_one(account),
            Shown::Hosts(_) => {}
        }
        if self.of_account.len() > ACCOUNTS {
            let mut times: Vec<_> = self.of_account.values().map(|track| track.at).collect();
            times.sort_unstable();
            let oldest = times[times.len() - ACCOUNTS / 2];
            self.of_account.retain(|_, track| track.at >= oldest);
        }
    }

    fn note_one(&mut self, account: &Account) {
        let sample = account.uplink_bps.zip(account.downlink_bps);
        self.of_account.entry(key_of(account)).or_default().put(self.now, sample);
    }

    /// The last seconds of an account in `columns`, the latest on the right.
    pub fn of(&self, key: &str, way: Way, columns: usize) -> String {
        self.of_account
            .get(key)
            .map_or_else(|| " ".repeat(columns), |track| track.drawn(self.now, way, columns))
    }

    /// The same of all accounts together.
    pub fn of_all(&self, way: Way, columns: usize) -> String {
        self.of_all.drawn(self.now, way, columns)
    }
}

impl Track {
    fn put(&mut self, now: u64, sample: Sample) {
        let passed = usize::try_from(now.saturating_sub(self.at)).unwrap_or(KEPT).min(KEPT);
        if passed == 0 && !self.samples.is_empty() {
            // Within the second the rate may just have been told.
            if let Some(last) = self.samples.back_mut() {
                *last = sample;
            }
            return;
        }
        if !self.samples.is_empty() {
            self.samples.extend(std::iter::repeat_n(None, passed.saturating_sub(1)));
        }
        self.samples.push_back(sample);
        self.at = now;
        let surplus = self.samples.len().saturating_sub(KEPT);
        self.samples.drain(..surplus);
    }

    fn drawn(&self, now: u64, way: Way, columns: usize) -> String {
        // What is older than the screen stands further left, out of sight at last.
        let age = usize::try_from(now.saturating_sub(self.at)).unwrap_or(columns).min(columns);
        let room = columns - age;
        let numbers: Vec<Option<u64>> = self.samples.iter().map(|it| way.of(*it)).collect();
        let shown = &numbers[numbers.len().saturating_sub(room)..];
        let most = shown.iter().flatten().copied().max().unwrap_or_default();
        let bars: String = shown.iter().map(|number| bar(*number, most)).collect();
        let missing = " ".repeat(room - shown.len());
        missing + &bars + &" ".repeat(age)
    }
}

impl Way {
    fn of(self, sample: Sample) -> Option<u64> {
        let (up, down) = sample?;
        Some(match self {
            Self::Up => up,
            Self::Down => down,
            Self::Both => up.saturating_add(down),
        })
    }
}

/// Nothing for nothing, so that only what moves draws the eye.
fn bar(number: Option<u64>, most: u64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match number {
        None | Some(0) => ' ',
        Some(number) => {
            let eighths = u128::from(number) * 8;
            let index = eighths.div_ceil(u128::from(most.max(1))).clamp(1, 8) - 1;
            BARS[usize::try_from(index).unwrap_or(7)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_stand_where_they_belong() {
        let mut track = Track::default();
        for (now, rate) in [(10, 8), (11, 4), (11, 2), (14, 1), (15, 0)] {
            track.put(now, Some((rate, 0)));
        }
        assert_eq!(track.drawn(15, Way::Up, 8), "  █▂  ▁ ");
        assert_eq!(track.drawn(17, Way::Both, 8), "█▂  ▁   ");
        assert_eq!(track.drawn(15, Way::Up, 3), " █ ");
        assert_eq!(track.drawn(15, Way::Down, 3), "   ");
        assert_eq!(track.drawn(1000, Way::Up, 3), "   ");
        track.put(10_000, None);
        assert_eq!(track.samples.len(), KEPT);
    }
}
