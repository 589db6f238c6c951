//! The numbers for monitoring, from what the engine knows.

use std::collections::BTreeMap;

use super::Engine;
use crate::{
    event::Now,
    ledger::AccountId,
    model::Service,
    session::Server,
    view::{
        Interface, State,
        metrics::{EngineMetrics, Series},
    },
};

const STATES: [State; 4] = [State::Ok, State::Warning, State::Exceeded, State::Disabled];

impl Engine {
    /// All of them; with `max_series` also those of the accounts that have moved most.
    pub fn metrics(&self, max_series: Option<usize>, now: Now) -> EngineMetrics {
        let interfaces = self.traffic.interfaces.iter().map(|it| Interface {
            name: it.name.clone(),
            egress: it.egress,
            ingress: it.ingress,
        });
        let servers = [Server::OpenSsh, Server::Dropbear];
        let (writes, write_errors) = self.persist.writes();
        EngineMetrics {
            agent: self.agent(),
            accounts: self.accounts_by_state(now),
            moved: Service::ALL.into_iter().map(|it| (it, self.ledger.moved(it))).collect(),
            sessions: servers.map(|it| (it.word(), self.sessions.of_server(it))).into(),
            interfaces: interfaces.collect(),
            hosts: self.hosts.len() as u64,
            events: self.persist.event_counts().collect(),
            writes,
            write_errors,
            xray_up: self.xray.is_up(),
            series: max_series.map(|max| self.series(max, now)),
        }
    }

    /// Each service that has accounts, with each state: what is missing could not be alerted on.
    fn accounts_by_state(&self, now: Now) -> Vec<(Service, State, u64)> {
        let mut counts: BTreeMap<Service, BTreeMap<State, u64>> = BTreeMap::new();
        for (_, account) in self.ledger.iter() {
            let states = counts
                .entry(account.record.service)
                .or_insert_with(|| STATES.into_iter().map(|state| (state, 0)).collect());
            *states.entry(self.standing(&account.record, now).state).or_default() += 1;
        }
        let rows = counts.into_iter().flat_map(|(service, states)| {
            states.into_iter().map(move |(state, count)| (service, state, count))
        });
        rows.collect()
    }

    fn series(&self, max: usize, now: Now) -> Series {
        let moved = |id: AccountId| {
            let bytes = self.ledger.account(id).record.bytes;
            bytes.uplink.saturating_add(bytes.downlink)
        };
        let all = self.ledger.iter().map(|(id, _)| (std::cmp::Reverse(moved(id)), id));
        let mut ranked: Vec<_> = all.collect();
        let left_out = ranked.len().saturating_sub(max);
        if left_out > 0 {
            ranked.select_nth_unstable(max);
            ranked.truncate(max);
        }
        ranked.sort_unstable();
        let accounts = ranked.into_iter().map(|(_, id)| self.row(id, now)).collect();
        Series { accounts, left_out: left_out as u64 }
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
