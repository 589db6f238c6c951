//! No history of traffic, commands, writes and kills loses or doubles a byte.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

const ACCOUNTS: usize = 4;

/// What happens to a machine.
#[derive(Clone, Debug)]
enum Step {
    /// An account moves so many bytes.
    Move(usize, u64),
    /// So many minutes pass.
    Pass(u64),
    /// The ledger is written, and the history told.
    Persist,
    /// Another user gets the name.
    Replace(usize),
    /// The agent is killed and starts again.
    Kill,
    /// It ends and starts again.
    Stop,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..ACCOUNTS, 1..1_000_000_u64).prop_map(|(account, bytes)| Step::Move(account, bytes)),
        3 => (1..2000_u64).prop_map(Step::Pass),
        4 => Just(Step::Persist),
        1 => (0..ACCOUNTS).prop_map(Step::Replace),
        2 => Just(Step::Kill),
        1 => Just(Step::Stop),
    ]
}

struct Machine {
    dir: TempDir,
    history: History,
    /// As the ledger has them, and as it has them on disk.
    marks: Vec<Mark>,
    on_disk: Vec<Mark>,
    /// What the kernel has counted since.
    kernel: Vec<u64>,
    at: u64,
    next: u64,
    sums: BTreeMap<String, u64>,
    by_day: BTreeMap<String, u64>,
    was_killed: bool,
}

impl Machine {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let marks: Vec<_> = (0..ACCOUNTS as u64)
            .map(|number| mark(number + 1, &format!("user{number}"), 1_000_000 * number, MIDNIGHT))
            .collect();
        let history = open(dir.path(), marks.clone(), MIDNIGHT);
        Self {
            dir,
            history,
            on_disk: marks.clone(),
            marks,
            kernel: vec![0; ACCOUNTS],
            at: MIDNIGHT,
            next: 100,
            sums: BTreeMap::new(),
            by_day: BTreeMap::new(),
            was_killed: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Move(account, bytes) => {
                let mark = &mut self.marks[account];
                // So that the downlink is half of it to the byte.
                let bytes = bytes * 2;
                mark.bytes.uplink += bytes;
                mark.bytes.downlink += bytes / 2;
                mark.at = self.at;
                self.kernel[account] += bytes;
                *self.sums.entry(mark.key.name.clone()).or_default() += bytes;
                *self.by_day.entry(local_date(self.at).to_string()).or_default() += bytes;
            }
            Step::Pass(minutes) => {
                self.persist();
                self.at += minutes * 60;
                // The writer looks after it each minute, whatever else there is to write.
                assert_eq!(self.history.due(now(self.at), false), []);
            }
            Step::Persist => self.persist(),
            Step::Replace(account) => {
                self.persist();
                let last = Mark { is_last: true, ..self.marks[account].clone() };
                self.history.note(last.clone());
                assert_eq!(self.history.due(now(self.at), false), []);
                self.next += 1;
                self.marks[account] = mark(self.next, &last.key.name, 0, self.at);
                self.on_disk[account] = self.marks[account].clone();
            }
            Step::Kill => {
                self.was_killed = true;
                self.restart();
                // The ledger of before books what the kernel has counted since.
                for (mark, counted) in self.marks.iter_mut().zip(&self.kernel) {
                    mark.bytes.uplink += counted;
                    mark.bytes.downlink += counted / 2;
                    mark.at = self.at;
                }
            }
            Step::Stop => {
                self.persist();
                self.history.due(now(self.at), true);
                self.restart();
            }
        }
    }

    fn persist(&mut self) {
        self.on_disk.clone_from(&self.marks);
        self.kernel = vec![0; ACCOUNTS];
        for mark in &self.marks {
            self.history.note(mark.clone());
        }
        assert_eq!(self.history.due(now(self.at), false), []);
    }

    fn restart(&mut self) {
        self.marks.clone_from(&self.on_disk);
        // Two cannot have the file.
        let elsewhere = TempDir::new().unwrap();
        self.history = open(elsewhere.path(), Vec::new(), self.at);
        self.history = open(self.dir.path(), self.marks.clone(), self.at);
    }

    fn is_right(&self) {
        let shown = report(&self.history, &query(By::Day), &self.marks, self.at);
        let expected: Vec<_> = self.sums.iter().map(|(name, sum)| (name.as_str(), *sum)).collect();
        assert_eq!(uplinks(&shown), expected);
        assert_eq!(shown.downlink * 2, shown.uplink);
        let hours: u64 = shown.hours.iter().map(|hour| hour.uplink).sum();
        assert_eq!(hours, shown.uplink);
        if !self.was_killed {
            let days = shown.periods.iter().filter(|day| day.uplink > 0);
            let days: BTreeMap<_, _> = days.map(|day| (day.start.clone(), day.uplink)).collect();
            assert_eq!(days, self.by_day);
        }
        let one = Query { account: Some("user2".to_owned()), ..query(By::Hour) };
        let one = report(&self.history, &one, &self.marks, self.at);
        assert_eq!(one.uplink, self.sums.get("user2").copied().unwrap_or_default());
        let hours: u64 = one.periods.iter().map(|hour| hour.uplink).sum();
        assert_eq!(hours, one.uplink);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_or_doubled(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut machine = Machine::new();
        for step in steps {
            machine.step(&step);
            machine.is_right();
        }
    }
}
