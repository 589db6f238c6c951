//! The checks of Xray: what must be on in it, and what must not be open.

use std::collections::BTreeSet;

use super::{
    Check, Outcome,
    checks::{bad, ok},
};
use crate::{
    config::{Config, Toggle, XrayMode},
    sources::xray::{
        conf::Conf,
        probe::{Probe, probe},
    },
};

/// Looks at Xray, where there is one.
pub fn all(config: &Config) -> Vec<Check> {
    if config.xray.enabled == Toggle::Off {
        return vec![ok("xray", "Xray is not metered: xray.enabled is false")];
    }
    let found = probe(config);
    if config.xray.enabled == Toggle::Auto && found.conf.is_err() && found.api.is_err() {
        let what = format!("no Xray here: no {}", config.xray.config.display());
        return vec![ok("xray", what)];
    }
    let mut checks = vec![api(config, &found)];
    match &found.conf {
        Ok(conf) => {
            checks.extend([stats(conf), services(conf), users(conf), mode(config, conf, &found)]);
        }
        Err(why) => {
            let fix = "name the running config in xray.config";
            checks.push(bad("xray-config", Outcome::Off, "Xray's config", why, fix));
        }
    }
    checks.extend([log(config), hole(config, found.is_open_to_users)]);
    checks
}

fn api(config: &Config, found: &Probe) -> Check {
    let at = config.xray.api;
    match &found.api {
        Ok(count) => ok("xray-api", format!("Xray's API answers on {at}, with {count} counters")),
        Err(why) => {
            let fix = format!(
                "start Xray, name the address of its API in xray.api, or add to its config: \
                 \"api\": {{\"tag\": \"api\", \"listen\": \"{at}\", \"services\": \
                 [\"StatsService\", \"HandlerService\"]}}"
            );
            let why = format!("{at}: {why}");
            bad("xray-api", Outcome::Off, "Xray's users are not counted", why, fix)
        }
    }
}

fn stats(conf: &Conf) -> Check {
    const ID: &str = "xray-stats";
    if let Some(damage) = &conf.damage {
        let fix = "mend the file: `xray -test` says where it is wrong";
        return bad(ID, Outcome::Off, "Xray's config is no JSON", damage, fix);
    }
    let levels: BTreeSet<_> =
        conf.inbounds.iter().flat_map(|it| it.users.iter().map(|user| user.level)).collect();
    let silent: Vec<_> =
        levels.into_iter().filter(|level| !conf.counted_levels.contains(level)).collect();
    if conf.has_stats && silent.is_empty() {
        return ok(ID, "Xray counts its users");
    }
    let mut why = Vec::new();
    if !conf.has_stats {
        why.push("\"stats\" is missing".to_owned());
    }
    if !silent.is_empty() {
        why.push(format!("users of policy level {silent:?} are not counted both ways"));
    }
    let fix = "add to Xray's config: \"stats\": {}, \"policy\": {\"levels\": {\"0\": \
               {\"statsUserUplink\": true, \"statsUserDownlink\": true}}}, and restart it";
    bad(ID, Outcome::Off, "Xray does not count its users", why.join("; "), fix)
}

fn services(conf: &Conf) -> Check {
    let has = |name: &str| conf.api_services.iter().any(|it| it.eq_ignore_ascii_case(name));
    let missing: Vec<_> =
        ["StatsService", "HandlerService"].into_iter().filter(|name| !has(name)).collect();
    if missing.is_empty() || conf.damage.is_some() {
        return ok("xray-services", "the API counts users and can take them out");
    }
    let what = if missing.contains(&"StatsService") {
        "the API does not tell what users move"
    } else {
        "the API cannot take out who is over the limit"
    };
    let why = format!("api.services has no {}", missing.join(" and no "));
    let fix = format!("add \"{}\" to api.services of Xray's config", missing.join("\", \""));
    bad("xray-services", Outcome::Off, what, why, fix)
}

fn users(conf: &Conf) -> Check {
    let nameless: usize = conf.inbounds.iter().map(|it| it.nameless).sum();
    if nameless == 0 {
        return ok("xray-users", format!("{} users have an email", conf.services().len()));
    }
    let tags = conf.inbounds.iter().filter(|it| it.nameless > 0).map(|it| format!("{:?}", it.tag));
    let why = format!(
        "{nameless} users without an email have no counter, in inbounds {}",
        tags.collect::<Vec<_>>().join(", ")
    );
    let fix = "give each client a different \"email\"";
    bad("xray-users", Outcome::Off, "not every user of Xray is counted", why, fix)
}

/// Which counter users have, and which they could have.
fn mode(config: &Config, conf: &Conf, found: &Probe) -> Check {
    const ID: &str = "xray-mode";
    let (users, marked) = (conf.services().len(), conf.marks_by_name().len());
    let snippet = "add what `vpnmon-agent xray snippet` prints to Xray's config and restart it";
    let (problem, fix) = match (found.may_mark, &found.no_marks_over_api) {
        (None, _) => (
            Some("no process of Xray listens here on a port of its config".to_owned()),
            "run Xray outside of containers, as another user than the VPN's",
        ),
        (Some(false), _) => (
            Some("Xray may not set marks: it has no CAP_NET_ADMIN".to_owned()),
            "add AmbientCapabilities=CAP_NET_ADMIN to Xray's service",
        ),
        (Some(true), Some(why)) if marked < users => {
            (Some(format!("{} of {users} users have no mark, and {why}", users - marked)), snippet)
        }
        (Some(true), _) => (None, ""),
    };
    let refused = match conf.marks.refused.as_slice() {
        [] => String::new(),
        [first, ..] => format!("; {} are none, such as {first}", conf.marks.refused.len()),
    };
    let how = format!("{marked} of {users} users have a mark in Xray's config{refused}");
    match (config.xray.mode, problem) {
        (XrayMode::Mark, Some(why)) => {
            let what = "the kernel does not count every user of Xray; the others count by payload";
            bad(ID, Outcome::Off, what, why, fix)
        }
        (XrayMode::Mark, None) => ok(ID, format!("the kernel counts Xray's users: {how}")),
        (XrayMode::Api, Some(why)) => {
            ok(ID, format!("users count by payload; mode \"mark\" is not possible yet: {why}"))
        }
        (XrayMode::Api, None) => {
            ok(ID, format!("users count by payload; mode \"mark\" is possible: {how}"))
        }
    }
}

fn log(config: &Config) -> Check {
    let path = &config.xray.access_log;
    if path.is_file() {
        return ok("xray-log", format!("hosts and connections by {}", path.display()));
    }
    let why = format!("{} is no file", path.display());
    let fix = format!(
        "add to Xray's config \"log\": {{\"access\": \"{}\"}}, or name its file in \
         xray.access_log",
        path.display()
    );
    let what = "no hosts of Xray's users, and no connection can be told whose it is";
    bad("xray-log", Outcome::Off, what, why, fix)
}

/// `ssh -L` opens a socket of the user's on this machine: what listens on loopback is open to it.
fn hole(config: &Config, is_open: Option<bool>) -> Check {
    const ID: &str = "xray-hole";
    let port = config.xray.api.port();
    let (min, max) = (config.ssh.min_uid, config.ssh.max_uid);
    match is_open {
        Some(false) => ok(ID, "tunnelled users do not reach Xray's API"),
        None => ok(ID, "Xray's API does not answer: nothing to reach"),
        Some(true) => {
            let why = format!(
                "a socket of uid {min} connects to {}: with `ssh -L` any user can set everybody's \
                 counters back to 0, or add users",
                config.xray.api
            );
            let fix = format!(
                "run `nft 'add table inet vpnmon_guard; add chain inet vpnmon_guard output {{ type \
                 filter hook output priority 0; }}; add rule inet vpnmon_guard output tcp dport \
                 {port} meta skuid {min}-{max} reject'`, or `iptables -I OUTPUT -p tcp --dport \
                 {port} -m owner --uid-owner {min}-{max} -j REJECT`; a dropbear that stays root \
                 for its users needs its own forwarding switched off (`-j`)"
            );
            bad(ID, Outcome::Off, "tunnelled users reach Xray's API", why, fix)
        }
    }
}
