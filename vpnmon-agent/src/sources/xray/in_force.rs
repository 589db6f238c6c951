//! Which marks of the config are in force: Xray reads its config once, when it starts.

use std::{collections::BTreeMap, time::Duration};

use nix::time::{ClockId, clock_gettime};
use vpnmon_common::session::TICKS_A_SECOND;

use crate::{session::Listener, xray::XrayEvent};

/// A start reads its config within that time.
const READS: Duration = Duration::from_secs(1);

/// What Xray runs with.
#[derive(Debug, Default)]
pub struct InForce {
    processes: Option<Vec<(u32, u64)>>,
    /// Of the config, when these processes were first seen.
    marks: BTreeMap<String, u32>,
    is_certain: bool,
    /// Of the config at the last look.
    in_file: BTreeMap<String, u32>,
    is_told: bool,
}

impl InForce {
    /// Looks at what is running and what is in the file, which changed last at `changed_at`; news, if
    /// there are any.
    pub fn look(
        &mut self,
        carried: &[Listener],
        in_file: BTreeMap<String, u32>,
        changed_at: Option<Duration>,
    ) -> Option<XrayEvent> {
        if carried.is_empty() {
            // One that is gone comes back.
            let problem = "no process of Xray listens here on a port of its config, so nobody can \
                           tell its sockets: users count by payload";
            let is_news = !std::mem::replace(&mut self.is_told, true);
            return is_news.then(|| self.event(false, Some(problem.to_owned())));
        }
        let processes: Vec<_> = carried.iter().map(|it| (it.pid, it.start_time)).collect();
        let is_other = self.processes.as_ref() != Some(&processes);
        if !is_other && self.in_file == in_file {
            return None;
        }
        self.is_told = true;
        self.in_file.clone_from(&in_file);
        let is_fresh = is_other && self.processes.is_some();
        if is_other {
            self.processes = Some(processes);
            self.marks = in_file;
            let began = carried.iter().filter_map(|it| unix_start(it.start_time)).min();
            self.is_certain = match (began, changed_at) {
                (Some(began), Some(changed)) => changed <= began + READS,
                _ => false,
            };
        }
        let is_as_in_file = self.marks == self.in_file;
        let problem = (!is_as_in_file).then(|| {
            "the marks in Xray's config are others than it runs with: restart Xray".to_owned()
        });
        Some(self.event(is_fresh, problem))
    }

    fn event(&self, is_fresh: bool, problem: Option<String>) -> XrayEvent {
        let (marks, is_certain) = (self.marks.clone(), self.is_certain);
        let is_seen = self.processes.is_some();
        XrayEvent::Marks { marks, is_seen, is_fresh, is_certain, problem }
    }
}

/// When a process began, in Unix time.
fn unix_start(start_ticks: u64) -> Option<Duration> {
    let now = |clock| clock_gettime(clock).ok().map(Duration::from);
    let booted = now(ClockId::CLOCK_REALTIME)?.checked_sub(now(ClockId::CLOCK_BOOTTIME)?)?;
    Some(booted + Duration::from_millis(start_ticks.saturating_mul(1000 / TICKS_A_SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Server;

    fn marks(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
        of.iter().map(|(name, mark)| ((*name).to_owned(), *mark)).collect()
    }

    fn process(pid: u32) -> [Listener; 1] {
        [Listener { pid, start_time: 100, server: Server::Xray }]
    }

    /// What is told: marks, whether fresh, whether certain, whether there is a problem.
    fn told(event: Option<XrayEvent>) -> Option<(BTreeMap<String, u32>, bool, bool, bool)> {
        match event? {
            XrayEvent::Marks { marks, is_fresh, is_certain, problem, .. } => {
                Some((marks, is_fresh, is_certain, problem.is_some()))
            }
            _ => None,
        }
    }

    #[test]
    fn a_config_counts_from_the_next_start_on() {
        let (old, new, then) = (marks(&[("al", 1)]), marks(&[("al", 2)]), Some(Duration::ZERO));
        let mut in_force = InForce::default();
        let mut look =
            |pid, marks: &BTreeMap<_, _>| told(in_force.look(&process(pid), marks.clone(), then));
        assert_eq!(look(7, &old), Some((old.clone(), false, true, false)));
        assert_eq!(look(7, &old), None);
        assert_eq!(look(7, &new), Some((old.clone(), false, true, true)));
        assert_eq!(look(8, &new), Some((new.clone(), true, true, false)));
    }

    #[test]
    fn a_config_that_is_newer_than_the_process_is_uncertain() {
        let (mut in_force, al) = (InForce::default(), marks(&[("al", 1)]));
        let event = in_force.look(&process(7), al.clone(), Some(Duration::MAX));
        assert_eq!(told(event), Some((al, false, false, false)));
    }

    #[test]
    fn without_a_process_there_is_a_problem_once() {
        let mut in_force = InForce::default();
        let nobody = told(in_force.look(&[], marks(&[("al", 1)]), None));
        assert_eq!(nobody, Some((BTreeMap::new(), false, false, true)));
        assert_eq!(told(in_force.look(&[], marks(&[("al", 1)]), None)), None);
    }
}
