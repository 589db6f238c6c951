//! Hosts: the rows of `hosts list --json`, and those of `hosts watch --json` and `hosts.jsonl`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::sighting::{Direction, HostFilter, HostService, Kind};

/// The document of `hosts list --json`.
#[derive(Debug, Serialize)]
pub struct Hosts<'a> {
    /// [`super::SCHEMA`].
    pub schema: u32,
    /// One row a host.
    pub hosts: &'a [Host],
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the contract's words")]
pub struct Host {
    /// Its name; of an odd one, its bytes escaped.
    pub host: String,
    /// What said it; `None` before anything did.
    pub kind: Option<Kind>,
    /// As in `hosts.log`.
    pub service: String,
    /// Account name; `None` where it is nobody's.
    pub user: Option<String>,
    /// Where the client is; `None` where that is not known.
    pub source_ip: Option<IpAddr>,
    /// RFC 3339; `None` where that is not known.
    pub first_seen: Option<String>,
    /// RFC 3339; `None` before it was seen.
    pub last_seen: Option<String>,
    /// Times it was seen.
    pub count: u64,
    /// Bytes towards it; `None` where nobody has told yet.
    pub uplink: Option<u64>,
    /// Bytes back from it.
    pub downlink: Option<u64>,
    /// It is no host name.
    pub odd: bool,
}

/// A name was seen: a line of `hosts.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEvent {
    /// RFC 3339.
    pub time: String,
    /// The name; of an odd one, its bytes escaped.
    pub host: String,
    /// What said it.
    pub kind: Kind,
    /// Whose traffic it was.
    pub service: HostService,
    /// Account name; `None` where it is nobody's.
    pub user: Option<String>,
    /// Where the client is; `None` where that is not known.
    pub source_ip: Option<IpAddr>,
    /// Where the connection goes.
    pub dest_ip: Option<IpAddr>,
    /// Its port there.
    pub dest_port: Option<u16>,
    /// Which way it went.
    pub direction: Direction,
    /// It is no host name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub odd: bool,
}

impl HostEvent {
    /// Whether it is one of those wanted.
    #[must_use]
    pub fn is_wanted(&self, filter: &HostFilter) -> bool {
        filter.wants(self.user.as_deref(), self.service.word(), Some(self.kind))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(odd: &bool) -> bool {
    !*odd
}
