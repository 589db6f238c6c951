//! A host name that was seen on the wire or in a log, and the words around it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use super::Service;

/// What said the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The server name of a TLS ClientHello.
    Sni,
    /// Host of HTTP/1.x, or the absolute form of the target.
    HttpHost,
    /// X-Forwarded-Host, X-Real-Host.
    ProxyHost,
    /// The target of CONNECT.
    Connect,
    /// The server name of a QUIC Initial.
    QuicSni,
    /// The question of a DNS query: somebody asked, which is no visit yet.
    Dns,
    /// A destination in Xray's access log.
    AccessLog,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Sni,
        Self::HttpHost,
        Self::ProxyHost,
        Self::Connect,
        Self::QuicSni,
        Self::Dns,
        Self::AccessLog,
    ];

    /// The word for it in commands and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sni => "sni",
            Self::HttpHost => "http-host",
            Self::ProxyHost => "proxy-host",
            Self::Connect => "connect",
            Self::QuicSni => "quic-sni",
            Self::Dns => "dns",
            Self::AccessLog => "access-log",
        }
    }

    /// Whether it tells of a visit, and not only of a question.
    #[must_use]
    pub const fn is_visit(self) -> bool {
        !matches!(self, Self::Dns)
    }
}

/// Which way the connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A user's socket visits the host.
    Egress,
    /// A client reaches this server by the name.
    Ingress,
    /// A tunnel client's packet passes through.
    Forward,
}

/// Whose traffic it was, as `hosts.log` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HostService {
    /// OpenSSH.
    Ssh,
    /// dropbear.
    Dropbear,
    /// Xray.
    Vmess,
    /// Xray.
    Vless,
    /// Xray.
    Trojan,
    /// Xray.
    Shadowsocks,
    /// Xray, by a user of several protocols.
    Xray,
    /// A tunnel's client.
    Forward,
    /// Anything else on the machine.
    System,
}

impl HostService {
    /// All services.
    pub const ALL: [Self; 9] = [
        Self::Ssh,
        Self::Dropbear,
        Self::Vmess,
        Self::Vless,
        Self::Trojan,
        Self::Shadowsocks,
        Self::Xray,
        Self::Forward,
        Self::System,
    ];

    /// The word for it in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ssh => "SSH",
            Self::Dropbear => "DROPBEAR",
            Self::Vmess => "VMESS",
            Self::Vless => "VLESS",
            Self::Trojan => "TROJAN",
            Self::Shadowsocks => "SHADOWSOCKS",
            Self::Xray => "XRAY",
            Self::Forward => "FORWARD",
            Self::System => "SYSTEM",
        }
    }

    /// That of a user of Xray.
    #[must_use]
    pub const fn of_xray(service: Service) -> Self {
        match service {
            Service::Vmess => Self::Vmess,
            Service::Vless => Self::Vless,
            Service::Trojan => Self::Trojan,
            Service::Shadowsocks => Self::Shadowsocks,
            Service::Xray | Service::Ssh | Service::Forward | Service::System => Self::Xray,
        }
    }

    /// The service of that word, in capitals or not.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.word().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl fmt::Display for HostService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A name was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Unix time, in seconds.
    pub at: u64,
    /// The name as it was sent: any bytes, with port and final dot if there were any.
    pub host: Vec<u8>,
    /// What said it.
    pub kind: Kind,
    /// Which way it went.
    pub direction: Direction,
    /// Whose traffic it was.
    pub service: HostService,
    /// Which account's, by name; `None` where it is nobody's.
    pub user: Option<String>,
    /// Where the client is; `None` where that is not known.
    pub source_ip: Option<IpAddr>,
    /// Where the connection goes.
    pub dest: Option<SocketAddr>,
}

/// Bytes that went to or came from a host, since they were told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostBytes {
    /// As in [`Sighting::host`].
    pub host: Vec<u8>,
    /// As in [`Sighting::kind`].
    pub kind: Kind,
    /// As in [`Sighting::service`].
    pub service: HostService,
    /// As in [`Sighting::user`].
    pub user: Option<String>,
    /// Both ways.
    pub bytes: super::Bytes,
}

/// A host of the old panel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedHost {
    /// Lower case, without port and final dot.
    pub host: String,
    /// The panel's word for it, or an admin's.
    pub service: String,
    /// The client; `None` on rows made by hand.
    pub source_ip: Option<IpAddr>,
    /// Unix time, in seconds; 0 is not known.
    pub seen: u64,
}

/// Which hosts somebody wants to see; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFilter {
    /// Of this user.
    pub user: Option<String>,
    /// Of this service, in capitals or not.
    pub service: Option<String>,
    /// Said by this.
    pub kind: Option<Kind>,
}

impl HostFilter {
    /// Whether everything is wanted.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.user.is_none() && self.service.is_none() && self.kind.is_none()
    }

    /// Whether something of these three is wanted.
    #[must_use]
    pub fn wants(&self, user: Option<&str>, service: &str, kind: Option<Kind>) -> bool {
        let is_user = self.user.as_deref().is_none_or(|wanted| user == Some(wanted));
        let is_service =
            self.service.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(service));
        is_user && is_service && self.kind.is_none_or(|wanted| kind == Some(wanted))
    }
}
