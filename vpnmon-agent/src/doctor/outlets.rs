//! The checks of what leaves the machine: metrics and notices.

use std::os::unix::fs::PermissionsExt as _;

use super::{
    Check, Outcome,
    checks::{bad, ok},
};
use crate::{config::Config, sources::reach::reaches};

/// Anybody may run it.
const EXECUTABLE: u32 = 0o111;

/// Looks at both.
pub fn all(config: &Config) -> Vec<Check> {
    let mut checks = metrics(config);
    checks.push(notices(config));
    checks
}

fn metrics(config: &Config) -> Vec<Check> {
    let Some(at) = config.metrics.listen else {
        return vec![ok("metrics", "no metrics: metrics.listen is empty")];
    };
    if !matches!(reaches(at, 0), Ok(true)) {
        let why = format!("nobody answers on {at}");
        let fix = "start the agent; `vpnmon-agent status` says if another program has the port";
        return vec![bad("metrics", Outcome::Off, "metrics are not served", why, fix)];
    }
    vec![ok("metrics", format!("metrics on http://{at}/metrics")), hole(config, at)]
}

/// `ssh -L` opens a socket of the user's on this machine: what listens on loopback is open to it.
fn hole(config: &Config, at: std::net::SocketAddr) -> Check {
    const ID: &str = "metrics-hole";
    let (min, max) = (config.ssh.min_uid, config.ssh.max_uid);
    if !matches!(reaches(at, min), Ok(true)) {
        return ok(ID, "tunnelled users do not reach the metrics");
    }
    let what = if config.metrics.accounts { "names and usage of all accounts" } else { "sums" };
    let why =
        format!("a socket of uid {min} connects to {at}: with `ssh -L` any user reads {what}");
    let fix = format!(
        "run `nft 'add table inet vpnmon_guard; add chain inet vpnmon_guard output {{ type filter \
         hook output priority 0; }}; add rule inet vpnmon_guard output tcp dport {} meta skuid \
         {min}-{max} reject'`",
        at.port()
    );
    bad(ID, Outcome::Off, "tunnelled users reach the metrics", why, fix)
}

fn notices(config: &Config) -> Check {
    const ID: &str = "notices";
    let webhook = config.notify.webhook.is_some();
    let Some(program) = config.notify.command.first() else {
        let what =
            if webhook { "events are posted to a webhook" } else { "nobody is told of events" };
        return ok(ID, what);
    };
    let is_program = std::fs::metadata(program)
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & EXECUTABLE != 0);
    if is_program {
        return ok(ID, format!("events are told by {program}"));
    }
    let why = format!("{program} is no program");
    bad(ID, Outcome::Off, "notify.command cannot be run", why, "correct it, or chmod 755 the file")
}
