//! A status to try things on.

use crate::{
    model::Service,
    view::{Account, Agent, Hooks, Lost, SCHEMA, State, Status},
};

const MIB: u64 = 1 << 20;

/// An account without limits and traffic.
pub(crate) fn account(service: Service, name: &str) -> Account {
    Account {
        service,
        name: name.into(),
        uid: None,
        unit: "ip".into(),
        uplink: 0,
        downlink: 0,
        daily_usage: 0,
        total_usage: 0,
        daily_limit: 0,
        total_limit: 0,
        remaining: None,
        uplink_bps: Some(0),
        downlink_bps: Some(0),
        state: State::Ok,
        last_reset: "2026-11-23".into(),
        last_update: 1_795_518_547,
        sessions: Vec::new(),
    }
}

/// Usage of today and in all, in MiB, and rates in kbit/s.
fn moved(service: Service, name: &str, mib: [u64; 2], kbit: [u64; 2]) -> Account {
    Account {
        uplink: mib[1] * MIB,
        downlink: mib[1] * 14 * MIB,
        daily_usage: mib[0] * MIB,
        total_usage: mib[1] * MIB,
        uplink_bps: Some(kbit[0] * 1000),
        downlink_bps: Some(kbit[1] * 1000),
        ..account(service, name)
    }
}

/// Limits in MiB, by day and in all.
fn limited(account: Account, [daily, total]: [u64; 2], left: u64, state: State) -> Account {
    let remaining = Some(left * MIB);
    Account { daily_limit: daily * MIB, total_limit: total * MIB, remaining, state, ..account }
}

/// Accounts in every state.
pub(crate) fn accounts() -> Vec<Account> {
    let ssh = |name, mib, kbit| moved(Service::Ssh, name, mib, kbit);
    let disabled = State::Disabled;
    vec![
        limited(ssh("alice", [50, 50], [120, 4100]), [0, 1024], 974, State::Ok),
        limited(ssh("bob", [41, 1024], [0, 0]), [0, 1024], 0, State::Exceeded),
        limited(ssh("carol", [41, 812], [0, 0]), [50, 5120], 9, State::Warning),
        Account { uplink_bps: None, downlink_bps: None, ..account(Service::Ssh, "dave") },
        account(Service::System, "root"),
        moved(Service::System, "transport", [1077, 150_000], [4350, 990]),
    ]
    .into_iter()
    .map(|it| if it.name == "dave" { Account { state: disabled, ..it } } else { it })
    .collect()
}

/// An agent that has [`accounts`].
pub(crate) fn status() -> Status {
    let hooks = Hooks { cgroup_skb: "/sys/fs/cgroup".into(), tc: vec!["eth0".into()] };
    let agent = Agent {
        version: "0.1.0".into(),
        pid: 1234,
        started: 1_795_507_747,
        kernel: "6.18.44-cloud-amd64".into(),
        drain_interval_ms: 10,
        usage: "uplink".into(),
        hooks,
        degraded: vec!["tcx: kernel 6.1 has none, using clsact".into()],
        lost: Lost::default(),
    };
    Status { schema: SCHEMA, agent, accounts: accounts(), interfaces: Vec::new(), hosts: None }
}
