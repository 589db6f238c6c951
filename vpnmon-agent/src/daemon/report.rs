//! The answer to `report`: from the history, from how far the ledger has come since, and from the hosts.

use std::cmp::Reverse;

use crate::{
    control::Answer,
    engine::Engine,
    history::{NoReport, Reader},
    hosts::Listing,
    ledger::recorded::Mark,
    model::{Service, report::Query, sighting::HostFilter},
    time::wall,
    view::{hosts::Host, report::HostSum},
};

/// All that a report is made of, taken at one moment: what takes time is made where nothing waits.
pub struct Sources {
    reader: Option<Reader>,
    marks: Vec<Mark>,
    listing: Listing,
    unix_seconds: u64,
}

impl Sources {
    /// As things stand.
    pub fn of(engine: &Engine, reader: Option<Reader>, unix_seconds: u64) -> Self {
        Self { reader, marks: engine.marks(), listing: engine.listing(), unix_seconds }
    }

    /// The answer.
    pub fn answer(self, query: &Query) -> Answer {
        let Some(reader) = &self.reader else {
            let message =
                "no history is kept: set enabled = true under [history] and restart the agent";
            return Answer::Refused { code: 1, message: message.to_owned() };
        };
        match reader.report(query, &self.marks, wall(self.unix_seconds)) {
            Ok(mut report) => {
                let user = report.account.as_deref().and_then(|key| key.split_once(':'));
                let service = query.service.map(Service::word);
                report.hosts =
                    self.hosts(user.map(|it| it.1), user.map(|it| it.0).or(service), query);
                Answer::Report(Box::new(report))
            }
            Err(error) => Answer::Refused { code: exit_code(&error), message: error.to_string() },
        }
    }

    fn hosts(&self, user: Option<&str>, service: Option<&str>, query: &Query) -> Vec<HostSum> {
        if query.hosts == 0 {
            return Vec::new();
        }
        // A user of Xray may be seen by another of its services than that of the account.
        let service = service.filter(|_| user.is_none()).map(str::to_owned);
        let filter = HostFilter { user: user.map(str::to_owned), service, kind: None };
        let mut hosts: Vec<_> = self.listing.rows(&filter).into_iter().filter_map(sum).collect();
        hosts.sort_by_key(|host| Reverse(host.uplink.saturating_add(host.downlink)));
        hosts.truncate(query.hosts);
        hosts
    }
}

fn sum(host: Host) -> Option<HostSum> {
    let (uplink, downlink) = (host.uplink?, host.downlink?);
    let sum = HostSum { host: host.host, first_seen: host.first_seen, uplink, downlink };
    (uplink.saturating_add(downlink) > 0).then_some(sum)
}

/// Exit codes of the contract.
const fn exit_code(error: &NoReport) -> u8 {
    match error {
        NoReport::Unknown(_) => 4,
        _ => 1,
    }
}
