//! What `doctor` asks of Xray: a look at each thing, from outside the running agent.

use super::{
    client::Client,
    conf::{Conf, parse, watch},
    marking::{self, no_rules},
    process,
};
use crate::{
    config::Config,
    kernel::release,
    sources::{reach::reaches, sessions::ProcRoot},
};

/// What was found.
#[derive(Debug)]
pub struct Probe {
    /// The config, or why there is none.
    pub conf: Result<Conf, String>,
    /// How many counters the API has, or why it does not answer.
    pub api: Result<usize, String>,
    /// Whether a socket of the VPN's users reaches the API; `None` where that cannot be tried.
    pub is_open_to_users: Option<bool>,
    /// Whether Xray's process may set marks; `None` where there is no such process.
    pub may_mark: Option<bool>,
    /// Why users cannot get marks over the API, if so.
    pub no_marks_over_api: Option<String>,
}

/// `CAP_NET_ADMIN` and, from kernel 5.17 on, `CAP_NET_RAW` (`sockopt_ns_capable` in `net/core/sock.c`).
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;

/// Looks.
pub fn probe(config: &Config) -> Probe {
    let api = config.xray.api;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let counters = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let mut client = Client::connect(api).await.map_err(|error| error.to_string())?;
            let stats = client.query().await.map_err(|error| error.to_string())?;
            let rules = client.can_route().await.err().map(|error| no_rules(&error.to_string()));
            Ok((stats.len(), rules))
        })
    });
    let (counters, rules) = match counters {
        Ok((count, rules)) => (Ok(count), rules),
        Err(why) => (Err(why.clone()), Some(why)),
    };
    let conf = watch::read(&config.xray.config).map(|text| parse(&text));
    let first = conf.as_ref().ok().and_then(|conf| marking::first(conf).err());
    Probe {
        may_mark: conf.as_ref().ok().and_then(|conf| may_mark(config, conf)),
        no_marks_over_api: rules.or(first),
        conf,
        is_open_to_users: counters.is_ok().then(|| reaches(api, config.ssh.min_uid).ok()).flatten(),
        api: counters,
    }
}

fn may_mark(config: &Config, conf: &Conf) -> Option<bool> {
    let proc = ProcRoot::default();
    let ports: Vec<_> = conf.inbounds.iter().map(|it| it.ports.0).collect();
    let found = process::find(&proc, &ports, &(config.ssh.min_uid..=config.ssh.max_uid));
    let enough = if release::is_at_least((5, 17)) { NET_ADMIN | NET_RAW } else { NET_ADMIN };
    let bits = proc.capabilities(found.first()?.pid)?;
    Some(bits & enough != 0)
}
