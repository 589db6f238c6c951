//! What was said on connections becomes hosts that somebody visits.

use std::net::{IpAddr, SocketAddr};

use vpnmon_common::{
    owner::Owner,
    wire::hosts::{HostKind, Names},
};

use super::Engine;
use crate::{
    event::{Command, Heard, Now, Said},
    hosts::{dns, quic::Hellos},
    model::{
        Service,
        sighting::{Direction, HostService, Kind, Sighting},
    },
};

/// Hellos of QUIC that have come in part, by their ends and whether they were received: where both
/// ends are here, each datagram comes twice.
pub type Quic = Hellos<(SocketAddr, SocketAddr, bool)>;

impl Engine {
    pub(super) fn heard(&mut self, heard: &[Heard], now: Now) -> Vec<Command> {
        let mut sightings = Vec::new();
        for heard in heard {
            self.fronts.note(heard);
            let names = self.names(heard, now);
            let told = names.into_iter().map(|(kind, host)| self.sighting(heard, kind, host, now));
            let told: Vec<_> = told.collect();
            if matches!(self.slots.owner(heard.slot), Some(Owner::Mark(_))) {
                for Sighting { user, host, .. } in &told {
                    self.note_named(user.as_deref().unwrap_or_default(), host, now);
                }
            }
            self.open_flow(heard, told.first(), now);
            sightings.extend(told);
        }
        self.sightings(&sightings, now)
    }

    /// The names in what was said, and what each is.
    fn names(&mut self, heard: &Heard, now: Now) -> Vec<(Kind, Vec<u8>)> {
        match &heard.said {
            Said::Names(names) => {
                self.hosts.lose("name-too-long", names.dropped().into());
                self.all_names(names, Kind::Sni)
            }
            Said::Quic(datagram) => {
                let path = (heard.source, heard.dest, heard.direction == Direction::Ingress);
                let Ok(names) = self.quic.read(&path, datagram, now.monotonic) else {
                    self.hosts.lose("quic", 1);
                    return Vec::new();
                };
                names.map_or_else(Vec::new, |names| self.all_names(&names, Kind::QuicSni))
            }
            Said::Dns(message) => match dns::question(message) {
                Ok(question) if !question.name.is_odd() => {
                    vec![(Kind::Dns, question.name.as_str().as_bytes().to_vec())]
                }
                _ => {
                    self.hosts.lose("dns", 1);
                    Vec::new()
                }
            },
        }
    }

    fn all_names(&mut self, names: &Names, hello: Kind) -> Vec<(Kind, Vec<u8>)> {
        let host = names.host().map(|(kind, name)| {
            let kind = match kind {
                HostKind::Sni => hello,
                HostKind::OuterSni => {
                    self.is_outer();
                    hello
                }
                HostKind::HttpHost => Kind::HttpHost,
                HostKind::Connect => Kind::Connect,
            };
            (kind, name.to_vec())
        });
        let proxied = names.proxy_host().map(|name| (Kind::ProxyHost, name.to_vec()));
        host.into_iter().chain(proxied).collect()
    }

    fn sighting(&self, heard: &Heard, kind: Kind, host: Vec<u8>, now: Now) -> Sighting {
        let owner = self.slots.owner(heard.slot);
        let user = self.visitor(heard.slot);
        let server = user.as_deref().and_then(|user| self.sessions.server_of(user));
        let service = match (owner, &user, server) {
            (Some(Owner::Forward(_) | Owner::ForwardOther), ..) => HostService::Forward,
            (Some(Owner::Mark(_)), ..) => self.xray_service(heard.slot),
            (_, Some(_), Some(service)) => service,
            (_, Some(_), None) => HostService::Ssh,
            (_, None, _) => HostService::System,
        };
        let source_ip = match heard.direction {
            Direction::Ingress => {
                Some(super::fronts::client_told(heard).unwrap_or_else(|| heard.source.ip()))
            }
            Direction::Egress => user.as_deref().and_then(|user| self.only_client_of(user)),
            Direction::Forward => Some(heard.source.ip()),
        };
        let (at, direction, dest) = (now.unix_seconds, heard.direction, Some(heard.dest));
        Sighting { at, host, kind, direction, service, user, source_ip, dest }
    }

    /// The name of the user, or the tunnel's client, whose slot it is.
    pub(super) fn visitor(&self, slot: u32) -> Option<String> {
        let key = self.ledger.account(self.slots.account(slot)?).record.key();
        let is_somebody =
            key.service.is_xray() || matches!(key.service, Service::Ssh | Service::Forward);
        is_somebody.then_some(key.name)
    }

    fn xray_service(&self, slot: u32) -> HostService {
        let account = self.slots.account(slot).map(|id| self.ledger.account(id));
        account.map_or(HostService::Xray, |account| HostService::of_xray(account.record.service))
    }

    /// What Xray's log tells of users, but for what their sockets have said themselves.
    pub(super) fn without_repeated(&self, sightings: Vec<Sighting>, now: Now) -> Vec<Sighting> {
        let is_new = |it: &Sighting| {
            let user = it.user.as_deref().filter(|_| it.kind == Kind::AccessLog);
            user.is_none_or(|user| !self.is_named(user, &it.host, now))
        };
        sightings.into_iter().filter(is_new).collect()
    }

    /// Where a user is logged in from, if that is one place.
    fn only_client_of(&self, user: &str) -> Option<IpAddr> {
        let sessions = self.sessions.of(user);
        let mut clients = sessions.iter().map(|session| session.client);
        let first = clients.next()??;
        clients.all(|other| other == Some(first)).then_some(first)
    }
}
