//! Who brings names: whoever brings too many gets no more room than others.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use crate::model::sighting::{HostService, Sighting};

/// Whom a new name is put down to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An account.
    User(HostService, Box<str>),
    /// A client; of IPv6 its /64, for a client has that many addresses.
    Net(IpAddr),
    /// Traffic of a service that neither is known of.
    Nobody(HostService),
}

impl Source {
    /// Whose sighting it is.
    pub fn of(sighting: &Sighting) -> Self {
        match (&sighting.user, sighting.source_ip) {
            (Some(user), _) => Self::User(sighting.service, user.as_str().into()),
            (None, Some(IpAddr::V6(address))) => {
                let net = address.to_bits() & !u128::from(u64::MAX);
                Self::Net(Ipv6Addr::from_bits(net).into())
            }
            (None, Some(address)) => Self::Net(address),
            (None, None) => Self::Nobody(sighting.service),
        }
    }

    /// Whether all that is known of it is an address.
    pub const fn is_client(&self) -> bool {
        matches!(self, Self::Net(_))
    }
}

/// Names that a source has brought, oldest touch first, and how many found no room.
#[derive(Debug, Default)]
pub struct Held {
    /// By touch.
    pub names: BTreeMap<u64, Arc<str>>,
    /// Names that were not taken.
    pub overflow: Option<Overflow>,
}

/// The one row of a source's names that were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The last sighting of them.
    pub last: Sighting,
    /// Unix time of the first.
    pub first_seen: u64,
    /// How many.
    pub count: u64,
}

impl Overflow {
    /// One more.
    pub fn add(overflow: &mut Option<Self>, sighting: &Sighting) {
        let (first_seen, count) =
            overflow.as_ref().map_or((sighting.at, 0), |it| (it.first_seen, it.count));
        let last = Sighting { host: Vec::new(), ..sighting.clone() };
        *overflow = Some(Self { last, first_seen, count: count.saturating_add(1) });
    }
}

/// A source that is full replaces its oldest name only if that was not seen for so long: what
/// changes faster is a flood.
pub const FRESH: Duration = Duration::from_mins(1);
