//! The kernel's own account of its BPF programs: `BPF_ENABLE_STATS` (kernel 5.8).

use std::{os::fd::OwnedFd, time::Duration};

use aya::{
    programs::{
        ProgramInfo,
        links::{FdLink, PinnedLink},
        loaded_programs,
    },
    sys::{Stats, enable_stats},
};
use vpnmon_tests::home::Home;

use crate::figures::float;

/// The kernel measures while this lives; that alone costs every run some ten nanoseconds.
pub struct Measuring {
    _stats: OwnedFd,
}

/// A loaded program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramId(pub u32);

/// What a program has run up to.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    time: Duration,
    count: u64,
}

impl Measuring {
    /// Starts it.
    pub fn start() -> Self {
        let stats = enable_stats(Stats::RunTime);
        Self { _stats: stats.unwrap_or_else(|e| panic!("cannot measure programs: {e}")) }
    }
}

impl ProgramId {
    /// The program behind a link that the agent of `home` has pinned.
    pub fn pinned(home: &Home, link: &str) -> Self {
        let path = home.bpffs.join(link);
        let link = PinnedLink::from_pin(&path).map(FdLink::from).and_then(|link| link.info());
        let link = link.unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
        Self(link.program_id())
    }

    /// Its runs up to now.
    pub fn runs(self) -> Runs {
        let info = programs().find(|program| program.id() == self.0);
        let info = info.unwrap_or_else(|| panic!("{self:?} is not loaded any more"));
        Runs { time: info.run_time(), count: info.run_count() }
    }
}

impl Runs {
    /// Nanoseconds a run since `before`.
    pub fn ns_a_run(self, before: Self) -> f64 {
        let (time, count) = (self.time.saturating_sub(before.time), self.count - before.count);
        assert_ne!(count, 0, "the program did not run");
        time.as_secs_f64() * 1e9 / float(count)
    }
}

/// All that are loaded; one may go while we look.
pub fn programs() -> impl Iterator<Item = ProgramInfo> {
    loaded_programs().filter_map(Result::ok)
}
