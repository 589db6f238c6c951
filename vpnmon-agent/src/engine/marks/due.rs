//! Which mark is whose: those of the config, and those that the agent gives over the API.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::InConfig;
use crate::{
    config::XrayMode,
    engine::Engine,
    event::{Command, Now},
    ledger::record::Record,
};

/// Marks that the agent gives: others than those of the snippet, which may be in the config of
/// tomorrow.
const GIVEN: RangeInclusive<u32> = 0x7671_0000..=0x7671_FFFF;

impl Engine {
    /// The mark that the account's traffic carries.
    pub(super) fn due_mark(&self, record: &Record) -> Option<u32> {
        let config = self.marks.config.as_ref().filter(|config| config.is_seen)?;
        if !self.xray.is_configured(&record.name) {
            return record.fwmark;
        }
        let in_config = config.marks.get(&record.name).copied();
        // What an agent has found in force goes on being so.
        let in_config = in_config.filter(|mark| config.is_certain || record.fwmark == Some(*mark));
        let is_given = |mark: &u32| {
            GIVEN.contains(mark) && !config.is_fresh && self.marks.api_problem.is_none()
        };
        in_config
            .or_else(|| self.marks.over_api.get(&record.name).copied())
            .or_else(|| record.fwmark.filter(is_given))
    }

    /// Orders marks for those who have none.
    pub(super) fn order_marks(&mut self) -> Vec<Command> {
        let Some(config) = self.marks.config.as_ref().filter(|config| config.is_seen) else {
            return Vec::new();
        };
        let records = self.ledger.iter().map(|(_, account)| &account.record);
        let records: Vec<_> = records.filter(|record| record.service.is_xray()).collect();
        let held = records.iter().filter_map(|record| record.fwmark);
        let named = config.marks.values().chain(self.marks.ordered.values()).copied();
        let mut taken: BTreeSet<_> = held.chain(named).collect();
        let mut next = GIVEN;
        let mut ordered = Vec::new();
        for record in records {
            let has_one = (config.is_certain && config.marks.contains_key(&record.name))
                || self.marks.ordered.contains_key(&record.name);
            if has_one || !self.xray.is_configured(&record.name) {
                continue;
            }
            let own = record.fwmark.filter(|mark| GIVEN.contains(mark));
            let Some(mark) = own.or_else(|| next.find(|mark| taken.insert(*mark))) else { break };
            ordered.push((record.name.clone(), mark));
        }
        self.marks.ordered.extend(ordered.iter().cloned());
        ordered.into_iter().map(|(name, mark)| Command::XrayMark { name, mark }).collect()
    }

    /// The source has looked at Xray's process and its config.
    pub(in crate::engine) fn learn_marks(&mut self, config: InConfig) -> Vec<Command> {
        if self.settings.xray.mode != XrayMode::Mark {
            return Vec::new();
        }
        if config.is_fresh {
            self.marks.over_api.clear();
            self.marks.api_problem = None;
            self.marks.is_restarted = true;
        }
        // It stays another process than the one that an earlier agent has told.
        let was_fresh = self.marks.config.as_ref().is_some_and(|it| it.is_fresh);
        let is_fresh = config.is_fresh || was_fresh;
        let is_restart = config.is_fresh;
        self.marks.config = Some(InConfig { is_fresh, ..config });
        self.marks.unsettle();
        // What a process has moved before it is known what its marks are is in Xray's counters.
        let waits = is_restart && self.xray.is_known();
        if waits { Vec::new() } else { self.settle_marks() }
    }

    /// Over the API a user has got its mark.
    pub(in crate::engine) fn marked(&mut self, name: String, mark: u32) -> Vec<Command> {
        self.marks.api_problem = None;
        if self.marks.ordered.get(&name) == Some(&mark) {
            self.marks.over_api.insert(name, mark);
            self.marks.unsettle();
        }
        self.settle_marks()
    }

    /// The API gives nobody a mark.
    pub(in crate::engine) fn not_marked(&mut self, reason: String, now: Now) -> Vec<Command> {
        let told = format!("xray: users without a mark in its config count by payload: {reason}");
        self.marks.over_api.clear();
        self.marks.unsettle();
        let is_new = self.marks.api_problem.replace(reason).is_none();
        let mut commands = self.settle_marks();
        if is_new {
            self.persist.degraded(&told, now);
            commands.push(Command::Warn(told));
        }
        commands
    }

    /// What of mark mode does not work, a line each.
    pub(in crate::engine) fn mark_problems(&self) -> Vec<String> {
        if self.settings.xray.mode != XrayMode::Mark {
            return Vec::new();
        }
        let records = self.ledger.iter().map(|(_, account)| &account.record);
        let by_payload =
            records.filter(|it| it.is_payload() && self.xray.is_configured(&it.name)).count();
        let config = self.marks.config.as_ref();
        let why = match config {
            Some(config) if config.is_seen && !config.is_certain => {
                Some("its config is newer than its process: restart Xray for its marks to count")
            }
            _ => None,
        };
        let why = why.map(str::to_owned).or_else(|| self.marks.api_problem.clone());
        let whose = format!("{by_payload} users count by payload, not by mark");
        let counted = why.filter(|_| by_payload > 0).map(|why| format!("xray: {whose}: {why}"));
        let found = config.and_then(|it| it.problem.as_ref()).map(|it| format!("xray: {it}"));
        found.into_iter().chain(counted).chain(self.unmarked()).collect()
    }
}
