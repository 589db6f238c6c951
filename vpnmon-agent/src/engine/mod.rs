//! The logic of the agent: events in, commands out; no I/O, no clock, no async.

mod binding;
mod enforce;
mod flows;
mod forward;
mod fronts;
mod heard;
pub mod hosts;
mod import;
mod limits;
mod look;
mod marks;
mod metrics;
pub mod people;
mod persist;
mod rates;
mod sessions;
pub mod status;
mod tell;
mod traffic;
mod xray;

use std::{collections::HashMap, time::Duration};

use jiff::civil::Date;

use crate::{
    config::{Config, SshAction, XrayAction, XrayMode},
    engine::{
        binding::Slots, enforce::Enforcing, flows::Flows, forward::Clients, fronts::Fronts,
        heard::Quic, limits::Limits, marks::Marks, persist::Persist, rates::Rates,
        sessions::Sessions, xray::Xray,
    },
    event::{Command, Event, Now, Traffic},
    hosts::Hosts,
    ledger::{
        AccountId, Ledger,
        incident::{Incident, Kind},
        record::Record,
        recorded::Mark,
    },
    model::{AccountKey, Service, Usage, sighting::HostBytes},
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
    /// `enforce.ssh`.
    pub ssh_action: SshAction,
    /// How users of Xray are counted and cut.
    pub xray: XraySettings,
    /// `enforce.protect`.
    pub protect: Vec<String>,
    /// `enforce.dry_run`.
    pub dry_run: bool,
    /// `history.enabled`.
    pub keep_history: bool,
    /// The life of the kernel's maps.
    pub epoch: String,
    /// What the agent says of itself in `status`; its lists grow with time.
    pub about: view::Agent,
}

/// What the configuration says of Xray.
#[derive(Clone, Copy, Debug, Default)]
pub struct XraySettings {
    /// `xray.mode`.
    pub mode: XrayMode,
    /// `enforce.xray`.
    pub action: XrayAction,
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
    clients: Clients,
    limits: Limits,
    traffic: Traffic,
    xray: Xray,
    marks: Marks,
    rates: Rates,
    sessions: Sessions,
    enforcing: Enforcing,
    fronts: Fronts,
    quic: Quic,
    flows: Flows,
    /// What flows had moved before the record came that names their host.
    early: Vec<HostBytes>,
    /// What parts of the daemon cannot do now.
    problems: Vec<String>,
    persist: Persist,
    hosts: Hosts,
    /// What commands want done besides.
    outbox: Vec<Command>,
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
            ssh_action: config.enforce.ssh,
            xray: XraySettings { mode: config.xray.mode, action: config.enforce.xray },
            protect: config.enforce.protect.clone(),
            dry_run: config.enforce.dry_run,
            keep_history: config.history.enabled,
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
        ledger.keep_history(settings.keep_history);
        let xray = Xray::restored(records.iter().map(|(record, _)| record));
        let of_kernel = records.iter().filter(|(record, _)| !record.is_payload());
        if of_kernel.into_iter().any(|(record, _)| record.epoch != settings.epoch) {
            persist.note_epoch(&settings.epoch, now);
        }
        let (mut slots, mut clients) = (Slots::default(), Clients::default());
        let mut marks = Marks::default();
        for (record, written_on) in records {
            let holds = record.uid.filter(|_| record.epoch == settings.epoch);
            let addresses = record.clients.clone();
            let (is_of_now, mark) = (record.epoch == settings.epoch, record.fwmark);
            let id = ledger.restore(record, written_on);
            slots.expect_holder(holds, id);
            marks.expect_holder(mark, id);
            if is_of_now {
                clients.expect_holder(&addresses, id);
            }
        }
        ledger.number_all(now);
        let mut engine = Self {
            settings,
            ledger,
            users,
            slots,
            clients,
            limits: Limits::default(),
            traffic: Traffic::default(),
            xray,
            marks,
            rates: Rates::default(),
            sessions: Sessions::default(),
            enforcing: Enforcing::default(),
            fronts: Fronts::default(),
            quic: Quic::default(),
            flows: Flows::default(),
            early: Vec::new(),
            problems: Vec::new(),
            persist,
            hosts: Hosts::new(hosts::UNOPENED),
            outbox: Vec::new(),
            overflow_told: false,
            gone_since: HashMap::new(),
        };
        engine.follow_renames();
        engine.open_people(now);
        engine
    }

    /// People are to be told of these events from now on, and of those of the start.
    pub fn tell_of(&mut self, kinds: Vec<Kind>) {
        self.persist.tell_of(kinds);
    }

    /// Takes one event in and says what is to be done.
    pub fn handle(&mut self, event: Event<'_>, now: Now) -> Vec<Command> {
        self.ledger.roll_over(now.today);
        let mut commands = self.react(event, now);
        commands.extend(self.rearm(now));
        commands.extend(self.persist.take_notices().into_iter().map(Command::Notify));
        commands
    }

    fn react(&mut self, event: Event<'_>, now: Now) -> Vec<Command> {
        match event {
            Event::Drained { claimed, moved } => self.drained(claimed, moved, now),
            Event::Clients(clients) => {
                self.learn_clients(clients);
                Vec::new()
            }
            Event::Names(names) => {
                self.name_clients(names, now);
                Vec::new()
            }
            Event::Traffic(traffic) => {
                self.note_traffic(traffic);
                Vec::new()
            }
            Event::Users(users) => {
                self.users = users;
                self.follow_renames();
                self.rebind(now);
                self.own_sessions()
            }
            Event::WasRefused(counter) => {
                self.refused(counter, now);
                Vec::new()
            }
            Event::Second => {
                self.rates.second(&self.ledger, now.monotonic);
                self.retire(now);
                let mut commands = self.retire_xray(now);
                commands.extend(self.order_xray());
                commands.extend(self.persist.recover(now).map(Command::Warn));
                commands
            }
            Event::Xray(event) => self.hear_xray(event, now),
            Event::Admins(admins) => {
                self.set_admins(admins);
                Vec::new()
            }
            Event::Standing(standing) => self.resume(standing, now),
            Event::Enforced(report) => self.enforced(report, now),
            Event::Sessions(events) => self.sessions(events),
            Event::Sightings(sightings) => {
                let sightings = self.without_repeated(sightings, now);
                self.sightings(&sightings, now)
            }
            Event::Flows { moved, over } => self.flows_moved(moved, over, now),
            Event::HostsLost { reason, count } => {
                self.hosts.lose(reason, count);
                Vec::new()
            }
            Event::OwnNames(names) => {
                self.hosts.set_own_names(names);
                Vec::new()
            }
            Event::Heard(heard) => self.heard(heard, now),
            Event::Unheard { gave_up, records, rate_limited } => {
                self.gave_up(gave_up);
                self.hosts.lose("ring-full", records);
                self.hosts.lose("rate-limit", rate_limited);
                Vec::new()
            }
            Event::Touched(names) => {
                self.persist.touched(names);
                Vec::new()
            }
            Event::PersistDue => {
                let batch = self.persist.due(&mut self.ledger, &mut self.hosts, now);
                batch.map(Command::Store).into_iter().collect()
            }
            Event::Stored(stored) => self.stored(stored, now),
            Event::Problems(problems) => self.note_problems(problems, now),
        }
    }

    /// All accounts, as they would be written down.
    pub fn records(&self) -> Vec<Record> {
        self.ledger.iter().map(|(_, account)| account.record.clone()).collect()
    }

    /// How far all accounts have come, for the history.
    pub fn marks(&self) -> Vec<Mark> {
        self.ledger.marks()
    }

    /// Events of opening the history.
    pub fn note_all(&mut self, incidents: Vec<Incident>) {
        self.persist.note_all(incidents);
    }

    /// The agent stops: each [`Event::PersistDue`] gets as much to write as there is.
    pub fn hurry(&mut self) {
        self.persist.hurry();
    }

    /// Whether every change that is no reading is on disk.
    pub fn is_kept(&self) -> bool {
        self.persist.is_kept(&self.ledger) && self.hosts.is_kept()
    }

    /// Whether everything that is known is also written down.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.persist.is_settled(&self.ledger) && self.hosts.is_settled()
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
