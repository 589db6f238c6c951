//! Xray's config, as far as users and statistics go.

mod comments;
pub mod direct;
pub mod edit;
pub mod markers;
pub mod marks;
pub mod snippet;
#[cfg(test)]
mod tests;
pub mod user;
pub mod watch;

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::Value;

use self::user::{get, text};
pub use self::{comments::without_comments, user::ConfUser};
use crate::{ledger::store::excerpts::Excerpt, model::Service};

/// What is known of the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// Those that users can come through.
    pub inbounds: Vec<Inbound>,
    /// Whether counters are kept at all.
    pub has_stats: bool,
    /// Services of the API.
    pub api_services: Vec<String>,
    /// Levels whose users are counted both ways.
    pub counted_levels: Vec<u32>,
    /// Which users' sockets have a mark.
    pub marks: marks::Marks,
    /// Users known by their markers alone, because the file is no JSON.
    pub marked: Vec<(String, Service)>,
    /// Why it is none.
    pub damage: Option<String>,
}

/// An inbound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// By which the API knows it; empty where it has none.
    pub tag: String,
    /// The service of its users.
    pub service: Service,
    /// First and last port it listens on.
    pub ports: (u16, u16),
    /// Its users that have an email.
    pub users: Vec<ConfUser>,
    /// How many have none, and so no counter.
    pub nameless: usize,
    /// Whether the user is part of the inbound itself: v2ray's API cannot take it out.
    pub is_single: bool,
    /// What it takes to make such an inbound anew; `None` where it has settings beyond these.
    pub plain: Option<Plain>,
}

/// An inbound of nothing but an address, a port and its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Where it listens; `None` is everywhere.
    pub listen: Option<IpAddr>,
    /// `settings.network`.
    pub networks: Vec<String>,
}

/// Reads a config. One that is no JSON gives what its markers say.
pub fn parse(bytes: &[u8]) -> Conf {
    parse_with(bytes, &[])
}

/// Reads a config as if what was cut out of it were there still.
pub fn parse_with(bytes: &[u8], excerpts: &[Excerpt]) -> Conf {
    let cut = excerpts.iter().map(|it| (it.email.clone(), it.service));
    match serde_json::from_slice::<Value>(&without_comments(bytes)) {
        Ok(mut root) => {
            edit::complete(&mut root, excerpts);
            conf(&root)
        }
        Err(error) => Conf {
            marked: markers::marked(bytes).into_iter().chain(cut).collect(),
            damage: Some(error.to_string()),
            ..Conf::default()
        },
    }
}

fn conf(root: &Value) -> Conf {
    let lists = ["inbounds", "inboundDetour"].map(|key| get(root, key).and_then(Value::as_array));
    let listed = lists.into_iter().flatten().flatten();
    let inbounds = listed.chain(get(root, "inbound")).filter_map(inbound).collect();
    let services = get(root, "api").and_then(|api| get(api, "services")).and_then(Value::as_array);
    let services = services.into_iter().flatten().filter_map(Value::as_str);
    Conf {
        inbounds,
        has_stats: get(root, "stats").is_some_and(Value::is_object),
        api_services: services.map(str::to_owned).collect(),
        counted_levels: counted_levels(root),
        marks: marks::marks(root),
        marked: Vec::new(),
        damage: None,
    }
}

fn counted_levels(root: &Value) -> Vec<u32> {
    let levels = get(root, "policy").and_then(|policy| get(policy, "levels"));
    let levels = levels.and_then(Value::as_object).into_iter().flatten();
    let is_on = |level: &Value, key| get(level, key).and_then(Value::as_bool).unwrap_or_default();
    let counted = levels
        .filter(|(_, it)| is_on(it, "statsUserUplink") && is_on(it, "statsUserDownlink"))
        .filter_map(|(level, _)| level.parse().ok());
    counted.collect()
}

/// Of an inbound's users; `None` where it has none.
fn service(protocol: &str) -> Option<Service> {
    Some(match protocol {
        "vmess" => Service::Vmess,
        "vless" => Service::Vless,
        "trojan" => Service::Trojan,
        "shadowsocks" => Service::Shadowsocks,
        // Their users have counters as all others, and no service of their own.
        "socks" | "http" | "mixed" | "hysteria" | "hysteria2" => Service::Xray,
        _ => return None,
    })
}

/// `None` for an inbound that has no users.
fn inbound(it: &Value) -> Option<Inbound> {
    let protocol = text(it, "protocol").to_lowercase();
    let service = service(&protocol)?;
    let settings = get(it, "settings").unwrap_or(&Value::Null);
    let clients = ["clients", "users", "accounts"].iter().find_map(|key| get(settings, key));
    let clients = clients.and_then(Value::as_array);
    let is_single = protocol == "shadowsocks" && clients.is_none();
    let all: Vec<_> = match clients {
        Some(clients) => clients.iter().map(|it| client(it, &protocol, settings)).collect(),
        None if is_single => vec![ConfUser::of(settings, &protocol, settings)],
        None => Vec::new(),
    };
    let count = all.len();
    let users: Vec<_> = all.into_iter().filter(|user| !user.email.is_empty()).collect();
    let nameless = count - users.len();
    let ports = get(it, "port").and_then(ports).unwrap_or_default();
    Some(Inbound {
        tag: text(it, "tag"),
        service,
        ports,
        users,
        nameless,
        is_single,
        plain: plain(it, settings),
    })
}

/// `None` where something would be lost on the way.
fn plain(it: &Value, settings: &Value) -> Option<Plain> {
    if ["streamSettings", "sniffing", "allocate"].iter().any(|key| get(it, key).is_some()) {
        return None;
    }
    let listen = match text(it, "listen").as_str() {
        "" => None,
        listen => Some(listen.parse().ok()?),
    };
    let network = text(settings, "network");
    let named = if network.is_empty() { "tcp" } else { &network };
    Some(Plain { listen, networks: named.split(',').map(|it| it.trim().to_owned()).collect() })
}

/// The users of a proxy for browsers are called what they log in as.
fn client(it: &Value, protocol: &str, settings: &Value) -> ConfUser {
    let mut user = ConfUser::of(it, protocol, settings);
    if user.proof.is_none() && user.email.is_empty() {
        user.email = text(it, "user");
    }
    user
}

/// `443`, `"443"` or `"1000-2000"`.
fn ports(port: &Value) -> Option<(u16, u16)> {
    if let Some(number) = port.as_u64() {
        let number = number.try_into().ok()?;
        return Some((number, number));
    }
    let text = port.as_str()?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

/// For fuzzing: comments take no byte of what is none, and users have names.
pub fn fuzz(bytes: &[u8]) {
    let plain = without_comments(bytes);
    assert_eq!(plain.len(), bytes.len());
    let is_kept = |(was, is): (&u8, &u8)| was == is || *is == b' ';
    assert!(bytes.iter().zip(&plain).all(is_kept));
    assert_eq!(without_comments(&plain), plain);
    let conf = parse(bytes);
    assert!(conf.services().keys().all(|email| !email.is_empty()));
    assert!(conf.marks.of_users.values().all(|mark| *mark != 0));
    if let Ok(added) = snippet::snippet(bytes) {
        assert!(added["outbounds"].is_array());
    }
}

impl Conf {
    /// The service of each user: one who is in inbounds of several protocols is Xray's.
    pub fn services(&self) -> BTreeMap<String, Service> {
        let mut services = BTreeMap::new();
        let listed = self.inbounds.iter().flat_map(|inbound| {
            inbound.users.iter().map(|user| (user.email.clone(), inbound.service))
        });
        for (email, service) in listed.chain(self.marked.iter().cloned()) {
            services
                .entry(email)
                .and_modify(|known| {
                    if *known != service {
                        *known = Service::Xray;
                    }
                })
                .or_insert(service);
        }
        services
    }

    /// The inbounds that have a user, each with it.
    pub fn inbounds_of<'a>(
        &'a self,
        email: &'a str,
    ) -> impl Iterator<Item = (&'a Inbound, &'a ConfUser)> {
        self.inbounds.iter().flat_map(move |inbound| {
            let ours = inbound.users.iter().filter(move |user| user.email == email);
            ours.map(move |user| (inbound, user))
        })
    }
}
