//! How often the API is asked: as often as it may, within a share of one core.

use std::{collections::VecDeque, time::Duration};

/// One part in so many of the time is an answer's. What the agent and Xray work for it together is
/// some 1.3 times as long as it takes (5,000 users; Go collects its garbage beside), so this keeps
/// both below 5 % of a core.
const SHARE: u32 = 30;
/// Answers that are remembered: one that had to wait says little.
const REMEMBERED: usize = 9;

/// Keeps the pace.
#[derive(Debug)]
pub struct Pace {
    least: Duration,
    took: VecDeque<Duration>,
}

impl Pace {
    /// Never more often than every `least`.
    pub fn new(least: Duration) -> Self {
        Self { least, took: VecDeque::with_capacity(REMEMBERED) }
    }

    /// An answer took that long, from the question to what was made of it.
    pub fn took(&mut self, time: Duration) {
        if self.took.len() == REMEMBERED {
            self.took.pop_front();
        }
        self.took.push_back(time);
    }

    /// Between the beginnings of two questions.
    pub fn interval(&self) -> Duration {
        let mut sorted: Vec<_> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        self.least.max(usual * SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn check(times: &[Duration], expected: Duration) {
        let mut pace = Pace::new(10 * MS);
        for time in times {
            pace.took(*time);
        }
        assert_eq!(pace.interval(), expected, "{times:?}");
    }

    #[test]
    fn a_costly_answer_is_asked_for_less_often() {
        check(&[], 10 * MS);
        check(&[MS / 4; 20], 10 * MS);
        check(&[8 * MS; 20], 240 * MS);
        // One that was stopped meanwhile.
        check(&[MS / 4, MS / 4, 2000 * MS], 10 * MS);
        // What it is now, and not what it was.
        check(&[[8 * MS; 20], [MS / 4; 20]].concat(), 10 * MS);
    }
}
