mod flood;
mod rows;

use std::{net::IpAddr, time::Duration};

use jiff::civil::Date;

use super::*;
use crate::{
    model::{
        Bytes, Service,
        sighting::{Direction, HostBytes, HostFilter, HostService, Kind},
    },
    view::hosts::Host as Row,
};

const START: u64 = 1_700_000_000;

fn hosts(max_hosts: u32) -> Hosts {
    Hosts::new(Settings { enabled: true, max_hosts, max_flows: 64 })
}

fn at(seconds: u64) -> Now {
    Now {
        unix_seconds: START + seconds,
        today: Date::constant(2023, 11, 14),
        monotonic: Duration::from_secs(seconds),
    }
}

/// A visit of `user` over SSH, or of nobody.
fn visit(host: impl AsRef<[u8]>, user: Option<&str>, seconds: u64) -> Sighting {
    Sighting {
        at: START + seconds,
        host: host.as_ref().to_vec(),
        kind: Kind::Sni,
        direction: Direction::Egress,
        service: HostService::Ssh,
        user: user.map(str::to_owned),
        source_ip: None,
        dest: Some("192.0.2.1:443".parse().unwrap()),
    }
}

fn see(hosts: &mut Hosts, sighting: &Sighting) -> Option<Arc<HostEvent>> {
    hosts.see(sighting, at(sighting.at - START))
}

fn names(hosts: &Hosts, filter: &HostFilter) -> String {
    let mut names: Vec<_> = hosts.list(filter).into_iter().map(|row| row.host).collect();
    names.sort();
    names.join(" ")
}

fn all(hosts: &Hosts) -> String {
    names(hosts, &HostFilter::default())
}

fn row(hosts: &Hosts, host: &str, filter: &HostFilter) -> Row {
    hosts.list(filter).into_iter().find(|row| row.host == host).unwrap()
}

fn of_user(user: &str) -> HostFilter {
    HostFilter { user: Some(user.to_owned()), ..HostFilter::default() }
}

/// An SSH user's row in `status`.
fn account(name: &str, uplink: u64, downlink: u64) -> crate::view::Account {
    crate::view::Account {
        service: Service::Ssh,
        name: name.to_owned(),
        uid: None,
        unit: "ip".to_owned(),
        uplink,
        downlink,
        daily_usage: 0,
        total_usage: 0,
        daily_limit: 0,
        total_limit: 0,
        remaining: None,
        uplink_bps: None,
        downlink_bps: None,
        state: crate::view::State::Ok,
        last_reset: String::new(),
        last_update: 0,
        sessions: Vec::new(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an address may be unknown where it is used")]
fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}
