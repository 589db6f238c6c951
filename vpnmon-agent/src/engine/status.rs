//! The answer to `status`, from the ledger.

use super::Engine;
use crate::{
    event::Now,
    ledger::AccountId,
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

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoAnswer {
    /// No account has the name.
    #[error("no account {0:?}; `vpnmon-agent status` lists all")]
    Unknown(String),
    /// It is never to be cut off.
    #[error("no limit for {0}: {1}; limits are for the VPN's users")]
    Protected(String, String),
    /// Several have it.
    #[error("{0:?} is in several services; write one of {1}")]
    Ambiguous(String, String),
}

impl Engine {
    /// The whole document, or the part that is asked for.
    pub fn status(&self, wanted: &Wanted, now: Now) -> Result<view::Status, NoAnswer> {
        let ids = self.wanted(wanted)?;
        let accounts = ids.into_iter().map(|id| self.row(id, now)).collect();
        let mut agent = self.settings.about.clone();
        agent.degraded.extend(
            self.store_error()
                .map(|error| format!("{error}: usage goes on in memory and in the kernel")),
        );
        Ok(view::Status { schema: view::SCHEMA, agent, accounts, interfaces: Vec::new() })
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

    fn row(&self, id: AccountId, now: Now) -> view::Account {
        let record = &self.ledger.account(id).record;
        let rates = self.rates.of(id);
        // The roll-over of the day comes with the next event.
        let daily_usage = if self.ledger.today() == now.today { record.daily_usage } else { 0 };
        let limits =
            [(daily_usage, record.daily_limit), (record.total_usage(), record.total_limit)];
        view::Account {
            service: record.service,
            name: record.name.clone(),
            uid: record.uid,
            unit: "ip".to_owned(),
            uplink: record.bytes.uplink,
            downlink: record.bytes.downlink,
            daily_usage,
            total_usage: record.total_usage(),
            daily_limit: record.daily_limit,
            total_limit: record.total_limit,
            remaining: limits.iter().filter_map(|(used, limit)| left(*used, *limit)).min(),
            uplink_bps: rates.map(|rate| rate.uplink),
            downlink_bps: rates.map(|rate| rate.downlink),
            state: if record.is_disabled {
                view::State::Disabled
            } else {
                state(&limits, self.settings.warn_percent)
            },
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
