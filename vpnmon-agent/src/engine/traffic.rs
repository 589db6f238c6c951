//! What the interfaces have carried, as the last look had it.

use super::Engine;
use crate::{
    event::{Command, Now, Traffic},
    ledger::incident::Kind,
    view,
};

impl Engine {
    /// A look at the interfaces. What nobody got only grows: a look that found less has found some
    /// packets between two hooks.
    pub(super) fn note_traffic(&mut self, traffic: Traffic) {
        let before = self.traffic.unattributed_bytes;
        self.traffic = traffic;
        if let Some(now) = &mut self.traffic.unattributed_bytes {
            *now = (*now).max(before.unwrap_or_default());
        }
    }

    /// What parts of the daemon cannot do now: told when it is new, and when it is over.
    pub(super) fn note_problems(&mut self, problems: Vec<String>, now: Now) -> Vec<Command> {
        let before = std::mem::replace(&mut self.problems, problems);
        let new = self.problems.iter().filter(|it| !before.contains(it));
        for over in before.iter().filter(|it| !self.problems.contains(it)) {
            self.persist.note_source(Kind::Recovered, format!("no longer: {over}"), now);
        }
        let warn = |problem: &String| {
            self.persist.degraded(problem, now);
            Command::Warn(problem.clone())
        };
        new.map(warn).collect()
    }

    /// What the agent says of itself, with what it knows of interfaces.
    pub(super) fn about(&self) -> view::Agent {
        let mut agent = self.settings.about.clone();
        agent.hooks.tc = self.traffic.interfaces.iter().map(|it| it.name.clone()).collect();
        agent.degraded.extend(self.traffic.problems.iter().cloned());
        agent.degraded.extend(self.xray.problem());
        agent.degraded.extend(self.mark_problems());
        agent.degraded.extend(self.problems.iter().cloned());
        agent.lost.unattributed_bytes = self.traffic.unattributed_bytes;
        agent
    }
}
