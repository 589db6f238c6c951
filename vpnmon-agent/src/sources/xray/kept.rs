//! Who is taken out, and how to put them back.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use prost::Message as _;

use super::{
    client::{Client, NoAnswer},
    conf::{Conf, ConfUser, Inbound},
    dialect::Dialect,
    message::{Address, InboundConfig, PortRange, Receiver, ShadowsocksServer, TypedMessage, User},
    name,
};
use crate::ledger::store::kept;
pub use crate::ledger::store::kept::{Kept, KeptIn};

/// The users who are out, on disk before they are.
#[derive(Debug)]
pub struct KeptUsers {
    dir: PathBuf,
    by_name: BTreeMap<String, Kept>,
}

impl KeptUsers {
    /// Reads what an earlier agent has kept. What cannot be used is set aside, and told of.
    pub fn open(dir: &Path, at: u64) -> (Self, Option<String>) {
        let (users, problem) = match kept::read(dir, at) {
            Ok(users) => (users, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let named = users.into_iter().map(|it| (name::account(it.email.as_bytes()), it));
        (Self { dir: dir.to_owned(), by_name: named.collect() }, problem)
    }

    /// The user whose account is called so.
    pub fn get(&self, name: &str) -> Option<&Kept> {
        self.by_name.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Kept)> {
        self.by_name.iter()
    }

    /// Keeps another state of one; where that cannot be written it stays as it was.
    pub fn put(&mut self, name: &str, kept: Kept) -> io::Result<()> {
        let before = self.by_name.insert(name.to_owned(), kept);
        self.write(name, before)
    }

    /// One is back, or gone for good.
    pub fn drop(&mut self, name: &str) -> io::Result<()> {
        let before = self.by_name.remove(name);
        self.write(name, before)
    }

    fn write(&mut self, name: &str, before: Option<Kept>) -> io::Result<()> {
        let all: Vec<_> = self.by_name.values().cloned().collect();
        let written = kept::write(&self.dir, &all);
        if written.is_err() {
            match before {
                Some(before) => self.by_name.insert(name.to_owned(), before),
                None => self.by_name.remove(name),
            };
        }
        written
    }
}

/// Everything that is needed to put a user back where it is now.
pub async fn keep(client: &mut Client, conf: &Conf, email: &str) -> Result<Kept, NoAnswer> {
    let mut inbounds = Vec::new();
    for (inbound, user) in conf.inbounds_of(email) {
        let user = as_it_is(client, inbound, user).await?;
        inbounds.push(kept_in(inbound, user, client.dialect()));
    }
    let is_configured = !inbounds.is_empty();
    if !is_configured {
        // Put in over the API by somebody: it alone can tell.
        for inbound in conf.inbounds.iter().filter(|it| !it.tag.is_empty()) {
            match client.user(&inbound.tag, email).await {
                Ok(Some(user)) => {
                    inbounds.push(kept_in(inbound, Some(user), client.dialect()));
                }
                Ok(None) | Err(NoAnswer::Unimplemented | NoAnswer::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Kept { email: email.to_owned(), returns: false, is_configured, inbounds })
}

/// An inbound without a name the API cannot change. Where a user is the inbound's own, v2ray takes
/// nobody out of it, but takes it away as a whole; Xray knows no such inbounds.
fn kept_in(inbound: &Inbound, user: Option<User>, dialect: Dialect) -> KeptIn {
    let user = user.filter(|_| !inbound.tag.is_empty());
    let mut kept = KeptIn {
        tag: inbound.tag.clone(),
        ports: inbound.ports,
        is_alone: inbound.is_single,
        user: Vec::new(),
        inbound: Vec::new(),
    };
    if inbound.is_single && dialect == Dialect::V2ray {
        kept.inbound = user.and_then(|user| whole(inbound, user, dialect)).unwrap_or_default();
    } else {
        kept.user = user.map(|user| user.encode_to_vec()).unwrap_or_default();
    }
    kept
}

/// The inbound as it stands in the config.
fn whole(inbound: &Inbound, user: User, dialect: Dialect) -> Option<Vec<u8>> {
    let plain = inbound.plain.as_ref()?;
    let (from, to) = inbound.ports;
    let listen = plain.listen.map(|ip| match ip {
        IpAddr::V4(ip) => Address { ip: ip.octets().to_vec() },
        IpAddr::V6(ip) => Address { ip: ip.octets().to_vec() },
    });
    let receiver = Receiver { ports: Some(PortRange { from: from.into(), to: to.into() }), listen };
    let networks = plain.networks.iter().map(|name| if name == "udp" { 3 } else { 2 }).collect();
    let proxy = ShadowsocksServer { user: Some(user), networks };
    let typed = |name, value| Some(TypedMessage { kind: dialect.kind(name), value });
    let config = InboundConfig {
        tag: inbound.tag.clone(),
        receiver: typed("app.proxyman.ReceiverConfig", receiver.encode_to_vec()),
        proxy: typed("proxy.shadowsocks.ServerConfig", proxy.encode_to_vec()),
    };
    Some(config.encode_to_vec())
}

/// As the server has it; as the config has it where the server does not tell.
async fn as_it_is(
    client: &mut Client,
    inbound: &Inbound,
    user: &ConfUser,
) -> Result<Option<User>, NoAnswer> {
    let told = match client.user(&inbound.tag, &user.email).await {
        Ok(told) => told,
        Err(NoAnswer::Unimplemented | NoAnswer::Refused(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(told.or_else(|| user.for_api(client.dialect())))
}

impl KeptIn {
    /// The user as the API takes it; `None` where the API has no such users.
    pub fn user(&self) -> Option<User> {
        User::decode(self.user.as_slice()).ok().filter(|_| !self.user.is_empty())
    }

    /// The inbound, where it goes with its user.
    pub fn inbound(&self) -> Option<InboundConfig> {
        InboundConfig::decode(self.inbound.as_slice()).ok().filter(|_| !self.inbound.is_empty())
    }
}
