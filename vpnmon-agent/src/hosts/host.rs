//! One host, and who visited it.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use crate::model::{
    Bytes, Service,
    sighting::{Direction, HostBytes, HostService, Kind, Sighting},
};

/// Visitors of one host that are kept apart; the sums of the host hold the others too.
pub const MAX_VISITS: usize = 256;

/// One host: the sums of all who visited it, and what was known first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As [`super::name::HostName`] writes it.
    pub name: Arc<str>,
    /// It is no host name.
    pub is_odd: bool,
    /// An admin has put it there: it stays until an admin takes it away.
    pub is_manual: bool,
    /// What said it; `None` where nothing but a line in `hosts.log` is known of it.
    pub kind: Option<Kind>,
    /// As in `hosts.log`.
    pub service: Cow<'static, str>,
    /// Account of the visitor that is shown.
    pub user: Option<Box<str>>,
    /// Address of the visitor that is shown.
    pub source_ip: Option<IpAddr>,
    /// Unix time, in seconds; 0 is not known.
    pub first_seen: u64,
    /// Unix time, in seconds.
    pub last_seen: u64,
    /// Times it was seen.
    pub count: u64,
    /// `None` where nobody has told yet.
    pub bytes: Option<Bytes>,
    /// The place in `hosts.log`: a later host has a larger number.
    pub number: u64,
    /// Those of the visitors that are kept apart.
    pub visits: Vec<Visit>,
}

/// What one account, or nobody's traffic of one service, has had to do with a host, by one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Whose traffic it was.
    pub service: HostService,
    /// Account name.
    pub user: Option<Box<str>>,
    /// What said the name.
    pub kind: Kind,
    /// Which way it went the last time.
    pub direction: Direction,
    /// Where the client was the last time that was known.
    pub source_ip: Option<IpAddr>,
    /// Unix time, in seconds.
    pub first_seen: u64,
    /// Unix time, in seconds.
    pub last_seen: u64,
    /// Times it was seen.
    pub count: u64,
    /// `None` where nobody has told yet.
    pub bytes: Option<Bytes>,
}

/// What a sighting has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The line of `hosts.log` is another one now.
    pub line: bool,
    /// Visitors more than before.
    pub visits: usize,
}

impl Host {
    /// A host that nothing is known of but its name.
    pub fn new(name: Arc<str>, is_odd: bool, number: u64) -> Self {
        Self {
            name,
            is_odd,
            is_manual: false,
            kind: None,
            service: Cow::Borrowed(HostService::System.word()),
            user: None,
            source_ip: None,
            first_seen: 0,
            last_seen: 0,
            count: 0,
            bytes: None,
            number,
            visits: Vec::new(),
        }
    }

    /// Seen once more; a new visitor is kept apart if there is room for it.
    pub fn see(&mut self, sighting: &Sighting, has_room: bool) -> Changed {
        let line = self.show(sighting);
        if self.first_seen == 0 {
            self.first_seen = sighting.at;
        }
        self.last_seen = self.last_seen.max(sighting.at);
        self.count = self.count.saturating_add(1);
        let visits = self.visit(sighting, has_room && self.visits.len() < MAX_VISITS);
        Changed { line, visits: usize::from(visits) }
    }

    /// Who is shown for the host: the first who visited it, before those who only asked for its
    /// address. Whether that is another line in `hosts.log`.
    fn show(&mut self, sighting: &Sighting) -> bool {
        let is_first = self.count == 0 && self.kind.is_none() && !self.is_manual;
        let only_asked = self.kind.is_some_and(|kind| !kind.is_visit());
        let before = (self.service.clone(), self.source_ip);
        if is_first || (only_asked && sighting.kind.is_visit()) {
            self.kind = Some(sighting.kind);
            if !self.is_manual {
                self.service = Cow::Borrowed(sighting.service.word());
                self.user = sighting.user.as_deref().map(Into::into);
                self.source_ip = sighting.source_ip;
            }
        } else if self.kind.is_none() {
            self.kind = Some(sighting.kind);
        }
        let is_same = self.service == sighting.service.word()
            && self.user.as_deref() == sighting.user.as_deref();
        if self.source_ip.is_none() && is_same && !self.is_manual {
            self.source_ip = sighting.source_ip;
        }
        before != (self.service.clone(), self.source_ip)
    }

    fn visit(&mut self, sighting: &Sighting, has_room: bool) -> bool {
        let at = sighting.at;
        if let Some(visit) = self.visits.iter_mut().find(|visit| visit.is_of(sighting)) {
            visit.direction = sighting.direction;
            visit.source_ip = sighting.source_ip.or(visit.source_ip);
            visit.last_seen = visit.last_seen.max(at);
            visit.count = visit.count.saturating_add(1);
            return false;
        }
        if has_room {
            self.visits.push(Visit {
                service: sighting.service,
                user: sighting.user.as_deref().map(Into::into),
                kind: sighting.kind,
                direction: sighting.direction,
                source_ip: sighting.source_ip,
                first_seen: at,
                last_seen: at,
                count: 1,
                bytes: None,
            });
        }
        has_room
    }

    /// Bytes of a user went there or came back.
    pub fn moved(&mut self, moved: &HostBytes) {
        add(&mut self.bytes, moved.bytes);
        let mut visits = self.visits.iter_mut();
        let visit = visits.find(|visit| {
            let is_theirs = visit.user.as_deref() == moved.user.as_deref();
            is_theirs && visit.service == moved.service && visit.kind == moved.kind
        });
        if let Some(visit) = visit {
            add(&mut visit.bytes, moved.bytes);
        }
    }

    /// An account's bytes are none any more.
    pub fn forget_bytes(&mut self, service: Service, user: &str) {
        for visit in self.visits.iter_mut().filter(|visit| visit.is_of_account(service, user)) {
            let (Some(gone), Some(sum)) = (visit.bytes.take(), &mut self.bytes) else { continue };
            sum.uplink = sum.uplink.saturating_sub(gone.uplink);
            sum.downlink = sum.downlink.saturating_sub(gone.downlink);
        }
    }
}

impl Visit {
    /// Whether it is one of the account's.
    pub fn is_of_account(&self, service: Service, user: &str) -> bool {
        let is_forward = self.service == HostService::Forward;
        self.user.as_deref() == Some(user) && is_forward == (service == Service::Forward)
    }

    fn is_of(&self, sighting: &Sighting) -> bool {
        self.service == sighting.service
            && self.kind == sighting.kind
            && self.user.as_deref() == sighting.user.as_deref()
    }
}

/// Adds to what is known.
pub fn add(sum: &mut Option<Bytes>, bytes: Bytes) {
    let before = sum.unwrap_or_default();
    *sum = Some(Bytes {
        uplink: before.uplink.saturating_add(bytes.uplink),
        downlink: before.downlink.saturating_add(bytes.downlink),
    });
}
