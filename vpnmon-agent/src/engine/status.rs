//! The answer to `status`, from the ledger.

use super::Engine;
use crate::{
    event::Now,
    ledger::{AccountId, record::Record},
    model::{AccountKey, Service},
    view,
};

/// Which accounts a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// That of this name: `name` or `service:name`.
    Named(String),
}

/// What an account's limits say of it now.
pub(super) struct Standing {
    /// Bytes of usage today.
    pub daily_usage: u64,
    /// Bytes that the tighter limit leaves; `None` without one.
    pub remaining: Option<u64>,
    /// The worse of what they say.
    pub state: view::State,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoAnswer {
    /// No account has the name.
    #[error("no account {0:?}; `vpnmon-agent status` lists all")]
    Unknown(String),
    /// It is never to be cut off.
    #[error("{0} is never cut off: {1}; limits are for the VPN's users")]
    Protected(String, String),
    /// Nothing is ever done.
    #[error("{0} would be locked out; enforce.dry_run is on, so nothing is done: turn it off")]
    DryRun(String),
    /// Several have it.
    #[error("{0:?} is in several services; write one of {1}")]
    Ambiguous(String, String),
}

impl Engine {
    /// The whole document, or the part that is asked for.
    pub fn status(&self, wanted: &Wanted, now: Now) -> Result<view::Status, NoAnswer> {
        let ids = self.wanted(wanted)?;
        let accounts = ids.into_iter().map(|id| self.row(id, now)).collect();
        let agent = self.agent();
        let interfaces = self.traffic.interfaces.iter().map(|it| view::Interface {
            name: it.name.clone(),
            egress: it.egress,
            ingress: it.ingress,
        });
        let interfaces = interfaces.collect();
        Ok(view::Status { schema: view::SCHEMA, agent, accounts, interfaces, hosts: None })
    }

    /// The agent about itself, with what has gone wrong up to now.
    pub(super) fn agent(&self) -> view::Agent {
        let mut agent = self.about();
        agent.degraded.extend(
            self.store_error()
                .map(|error| format!("{error}: usage goes on in memory and in the kernel")),
        );
        agent.degraded.extend(self.persist.history_error().map(str::to_owned));
        self.tell_lost_hosts(&mut agent.lost);
        agent
    }

    pub(super) fn wanted(&self, wanted: &Wanted) -> Result<Vec<AccountId>, NoAnswer> {
        Ok(match wanted {
            Wanted::All => self.ledger.iter().map(|(id, _)| id).collect(),
            Wanted::Named(name) => vec![self.named(name)?],
        })
    }

    pub(super) fn named(&self, name: &str) -> Result<AccountId, NoAnswer> {
        let find = |service, name| self.ledger.find(&AccountKey::new(service, name));
        let bare = Service::ALL.into_iter().filter_map(|service| find(service, name));
        let keyed = name.split_once(':').and_then(|(word, name)| find(word.parse().ok()?, name));
        let found: Vec<_> = bare.chain(keyed).collect();
        match found.as_slice() {
            [] => Err(NoAnswer::Unknown(name.to_owned())),
            [id] => Ok(*id),
            several => {
                let key = |id: &AccountId| self.ledger.account(*id).record.key().to_string();
                let names: Vec<_> = several.iter().map(key).collect();
                Err(NoAnswer::Ambiguous(name.to_owned(), names.join(", ")))
            }
        }
    }

    /// What the account's limits say of it.
    pub(super) fn standing(&self, record: &Record, now: Now) -> Standing {
        // The roll-over of the day comes with the next event.
        let daily_usage = if self.ledger.today() == now.today { record.daily_usage } else { 0 };
        let limits =
            [(daily_usage, record.daily_limit), (record.total_usage(), record.total_limit)];
        let state = if record.is_disabled {
            view::State::Disabled
        } else if record.exceeded_at.is_some() {
            view::State::Exceeded
        } else {
            state(&limits, self.settings.warn_percent)
        };
        let remaining = limits.iter().filter_map(|(used, limit)| left(*used, *limit)).min();
        Standing { daily_usage, remaining, state }
    }

    pub(super) fn row(&self, id: AccountId, now: Now) -> view::Account {
        let record = &self.ledger.account(id).record;
        let is_known = !record.is_payload() || self.xray.is_known();
        let rates = self.rates.of(id).filter(|_| is_known);
        let Standing { daily_usage, remaining, state } = self.standing(record, now);
        view::Account {
            service: record.service,
            name: record.name.clone(),
            uid: record.uid,
            unit: if record.is_payload() { "payload" } else { "ip" }.to_owned(),
            uplink: record.bytes.uplink,
            downlink: record.bytes.downlink,
            daily_usage,
            total_usage: record.total_usage(),
            daily_limit: record.daily_limit,
            total_limit: record.total_limit,
            remaining,
            uplink_bps: rates.map(|rate| rate.uplink),
            downlink_bps: rates.map(|rate| rate.downlink),
            state,
            last_reset: record.last_reset.to_string(),
            last_update: record.last_update,
            sessions: match record.service {
                Service::Ssh => self.sessions.of(&record.name),
                _ => Vec::new(),
            },
        }
    }
}

fn left(used: u64, limit: u64) -> Option<u64> {
    (limit != 0).then(|| limit.saturating_sub(used))
}

/// The worse of what the limits say.
fn state(limits: &[(u64, u64)], warn_percent: u8) -> view::State {
    let worst = limits.iter().map(|(used, limit)| {
        let percent_used = u128::from(*used) * 100;
        let (limit, warn) = (u128::from(*limit), u128::from(warn_percent));
        match limit {
            0 => view::State::Ok,
            _ if percent_used >= limit * 100 => view::State::Exceeded,
            _ if percent_used >= limit * warn => view::State::Warning,
            _ => view::State::Ok,
        }
    });
    worst.max().unwrap_or(view::State::Ok)
}
