//! The logic of the agent: events in, commands out; no I/O, no clock, no async.

mod binding;
mod import;
pub mod people;
mod persist;
mod rates;
mod sessions;
pub mod status;

use std::{collections::HashMap, time::Duration};

use jiff::civil::Date;

use crate::{
    config::Config,
    engine::{binding::Slots, persist::Persist, rates::Rates, sessions::Sessions},
    event::{Command, Event, Now},
    ledger::{AccountId, Ledger, incident::Incident, record::Record},
    model::{AccountKey, Service, Usage},
    users::Users,
    view,
};

/// What the engine is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `meter.usage`.
    pub usage: Usage,
    /// `meter.max_accounts`.
    pub max_accounts: u32,
    /// `enforce.warn_percent`.
    pub warn_percent: u8,
    /// `enforce.protect`.
    pub protect: Vec<String>,
    /// The life of the kernel's maps.
    pub epoch: String,
    /// What the agent says of itself in `status`; its lists grow with time.
    pub about: view::Agent,
}

/// What a start finds in the state directory.
#[derive(Debug, Default)]
pub struct Restored {
    /// The accounts, each with the local date of its last byte.
    pub records: Vec<(Record, Date)>,
    /// What could not be read.
    pub incidents: Vec<Incident>,
}

/// Owns all state; one loop calls it.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    ledger: Ledger,
    users: Users,
    slots: Slots,
    rates: Rates,
    sessions: Sessions,
    persist: Persist,
    overflow_told: bool,
    gone_since: HashMap<AccountId, Duration>,
}

impl Settings {
    /// What the configuration says, and what only a start knows.
    pub fn new(config: &Config, max_accounts: u32, epoch: String, about: view::Agent) -> Self {
        Self {
            usage: config.meter.usage,
            max_accounts,
            warn_percent: config.enforce.warn_percent,
            protect: config.enforce.protect.clone(),
            epoch,
            about,
        }
    }

    /// Why an account must never be cut off, if so.
    fn protection(&self, key: &AccountKey) -> Option<String> {
        if key.service == Service::System {
            return Some(people::NO_VPN_USER.to_owned());
        }
        self.protect.contains(&key.name).then(|| "enforce.protect names it".to_owned())
    }
}

impl Engine {
    /// An engine with the accounts that were written down.
    #[must_use]
    pub fn new(settings: Settings, users: Users, restored: Restored, now: Now) -> Self {
        let Restored { records, incidents } = restored;
        let mut persist = Persist::new(incidents);
        let mut ledger = Ledger::new(settings.usage, settings.epoch.clone(), now.today);
        if records.iter().any(|(record, _)| record.epoch != settings.epoch) {
            persist.note_epoch(&settings.epoch, now);
        }
        let mut slots = Slots::default();
        for (record, written_on) in records {
            let holds = record.uid.filter(|_| record.epoch == settings.epoch);
            let id = ledger.restore(record, written_on);
            slots.expect_holder(holds, id);
        }
        let mut engine = Self {
            settings,
            ledger,
            users,
            slots,
            rates: Rates::default(),
            sessions: Sessions::default(),
            persist,
            overflow_told: false,
            gone_since: HashMap::new(),
        };
        engine.follow_renames();
        engine.open_people(now);
        engine
    }

    /// Takes one event in and says what is to be done.
    pub fn handle(&mut self, event: Event<'_>, now: Now) -> Vec<Command> {
        self.ledger.roll_over(now.today);
        match event {
            Event::Drained { claimed, moved } => self.drained(claimed, moved, now),
            Event::Users(users) => {
                self.users = users;
                self.follow_renames();
                self.rebind(now);
                Vec::new()
            }
            Event::Second => {
                self.rates.second(&self.ledger, now.monotonic);
                self.retire(now);
                self.persist.recover(now).map(Command::Warn).into_iter().collect()
            }
            Event::Sessions(events) => {
                self.sessions(events);
                Vec::new()
            }
            Event::Touched(names) => {
                self.persist.touched(names);
                Vec::new()
            }
            Event::PersistDue => {
                self.persist.due(&mut self.ledger, now).map(Command::Store).into_iter().collect()
            }
            Event::Stored(stored) => self.stored(stored, now),
        }
    }

    /// All accounts, as they would be written down.
    pub fn records(&self) -> Vec<Record> {
        self.ledger.iter().map(|(_, account)| account.record.clone()).collect()
    }

    /// The agent stops: each [`Event::PersistDue`] gets as much to write as there is.
    pub fn hurry(&mut self) {
        self.persist.hurry();
    }

    /// Whether every change that is no reading is on disk.
    pub fn is_kept(&self) -> bool {
        self.persist.is_kept(&self.ledger)
    }

    /// Whether everything that is known is also written down.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.persist.is_settled(&self.ledger)
    }

    /// Why the last write failed, if it did.
    #[must_use]
    pub fn store_error(&self) -> Option<&str> {
        self.persist.error()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
