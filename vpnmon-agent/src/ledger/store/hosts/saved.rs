//! `hosts.json`: what the agent itself keeps of the hosts, and what is known of each.

use std::{io, net::IpAddr};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::log::service;
use crate::{
    hosts::{
        Switched,
        host::{Host, MAX_VISITS, Visit},
        keep::Snapshot,
    },
    model::{
        Bytes,
        sighting::{Direction, HostService, Kind},
    },
};

const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    switched: Option<SavedSwitch>,
    hosts: Vec<SavedHost>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedSwitch {
    on: bool,
    config: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedHost {
    name: String,
    odd: bool,
    manual: bool,
    kind: Option<Kind>,
    service: String,
    user: Option<Box<str>>,
    source_ip: Option<IpAddr>,
    first_seen: u64,
    last_seen: u64,
    count: u64,
    bytes: Option<Bytes>,
    visits: Vec<SavedVisit>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedVisit {
    service: HostService,
    user: Option<Box<str>>,
    kind: Kind,
    direction: Direction,
    source_ip: Option<IpAddr>,
    first_seen: u64,
    last_seen: u64,
    count: u64,
    bytes: Option<Bytes>,
}

/// The file's text.
pub fn write(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut sorted: Vec<_> = snapshot.hosts.iter().collect();
    sorted.sort_by_key(|host| host.number);
    let switched = snapshot.switched.map(|it| SavedSwitch { on: it.on, config: it.config });
    let hosts = sorted.into_iter().map(|host| SavedHost::of(host)).collect();
    Ok(serde_json::to_vec(&Saved { schema: SCHEMA, switched, hosts })?)
}

/// What the text says.
pub fn parse(text: &[u8]) -> Result<(Vec<Host>, Option<Switched>)> {
    let saved: Saved = serde_json::from_slice(text)?;
    ensure!(saved.schema == SCHEMA, "its schema is {}, this build knows {SCHEMA}", saved.schema);
    let numbered = saved.hosts.into_iter().zip(1..);
    let hosts = numbered.map(|(host, number)| host.into_host(number)).collect();
    let switched = saved.switched.map(|it| Switched { on: it.on, config: it.config });
    Ok((hosts, switched))
}

impl SavedHost {
    fn of(host: &Host) -> Self {
        Self {
            name: host.name.as_ref().to_owned(),
            odd: host.is_odd,
            manual: host.is_manual,
            kind: host.kind,
            service: host.service.as_ref().to_owned(),
            user: host.user.clone(),
            source_ip: host.source_ip,
            first_seen: host.first_seen,
            last_seen: host.last_seen,
            count: host.count,
            bytes: host.bytes,
            visits: host.visits.iter().map(SavedVisit::of).collect(),
        }
    }

    fn into_host(self, number: u64) -> Host {
        Host {
            name: self.name.into(),
            is_odd: self.odd,
            is_manual: self.manual,
            kind: self.kind,
            service: service(self.service),
            user: self.user,
            source_ip: self.source_ip,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            count: self.count,
            bytes: self.bytes,
            number,
            visits: self.visits.into_iter().take(MAX_VISITS).map(SavedVisit::into_visit).collect(),
        }
    }
}

impl SavedVisit {
    fn of(visit: &Visit) -> Self {
        let Visit {
            service, kind, direction, source_ip, first_seen, last_seen, count, bytes, ..
        } = *visit;
        let user = visit.user.clone();
        Self { service, user, kind, direction, source_ip, first_seen, last_seen, count, bytes }
    }

    fn into_visit(self) -> Visit {
        let Self { service, user, kind, direction, source_ip, first_seen, last_seen, count, bytes } =
            self;
        Visit { service, user, kind, direction, source_ip, first_seen, last_seen, count, bytes }
    }
}
