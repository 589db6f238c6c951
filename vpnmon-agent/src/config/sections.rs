//! The sections, key by key, with their defaults.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;
use vpnmon_common::flow::MAX_FLOWS;

use super::{
    choice::{
        AuthLog, CgroupChoice, Interfaces, Program, SshAction, Toggle, XrayAction, XrayMode, usage,
    },
    clients::clients,
    values::{address, duration, names, path, socket_path, truth, whole},
};
use crate::{model::Usage, network::Prefix};

/// `[agent]`: where the agent keeps its things.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentSection {
    /// Usage files, host lists and events.
    #[serde(deserialize_with = "path")]
    pub state_dir: PathBuf,
    /// The control socket.
    #[serde(deserialize_with = "socket_path")]
    pub socket: PathBuf,
    /// Directory of pinned maps and links.
    #[serde(deserialize_with = "path")]
    pub bpffs: PathBuf,
}

impl Default for AgentSection {
    fn default() -> Self {
        Self {
            state_dir: "/etc/myvpn".into(),
            socket: "/run/vpnmon/agent.sock".into(),
            bpffs: "/sys/fs/bpf/vpnmon".into(),
        }
    }
}

/// `[meter]`: what is counted, and how often it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeterSection {
    /// Where the cgroup programs go.
    pub cgroup: CgroupChoice,
    /// Where the tc programs go.
    pub interfaces: Interfaces,
    /// Counter slots.
    #[serde(deserialize_with = "whole::<_, _, 1, 4_000_000>")]
    pub max_accounts: u32,
    /// Between two looks at the counters.
    #[serde(deserialize_with = "duration::<_, 1, 1000>")]
    pub drain_interval: Duration,
    /// Between two writes of what changed.
    #[serde(deserialize_with = "duration::<_, 100, 3_600_000>")]
    pub persist_interval: Duration,
    /// Which bytes limits are compared with.
    #[serde(deserialize_with = "usage")]
    pub usage: Usage,
    /// Whether a user's own sockets to loopback count.
    #[serde(deserialize_with = "truth")]
    pub loopback: bool,
}

impl Default for MeterSection {
    fn default() -> Self {
        Self {
            cgroup: CgroupChoice::Auto,
            interfaces: Interfaces::Auto,
            max_accounts: 131_072,
            drain_interval: Duration::from_millis(10),
            persist_interval: Duration::from_secs(1),
            usage: Usage::Uplink,
            loopback: true,
        }
    }
}

/// `[ssh]`: which UIDs are SSH accounts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SshSection {
    /// First one; never above `max_uid`.
    #[serde(deserialize_with = "whole::<_, _, 1, 4_294_967_294>")]
    pub min_uid: u32,
    /// Last one.
    #[serde(deserialize_with = "whole::<_, _, 1, 4_294_967_294>")]
    pub max_uid: u32,
    /// Where sshd and dropbear tell of their sessions.
    pub auth_log: AuthLog,
}

impl Default for SshSection {
    fn default() -> Self {
        Self { min_uid: 1000, max_uid: 60_000, auth_log: AuthLog::Auto }
    }
}

/// `[xray]`: where Xray is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XraySection {
    /// Whether Xray is metered.
    pub enabled: Toggle,
    /// Which counter is a user's.
    pub mode: XrayMode,
    /// Its gRPC API.
    #[serde(deserialize_with = "address")]
    pub api: SocketAddr,
    /// Its config file.
    #[serde(deserialize_with = "path")]
    pub config: PathBuf,
    /// Its access log.
    #[serde(deserialize_with = "path")]
    pub access_log: PathBuf,
    /// Between two questions to the API.
    #[serde(deserialize_with = "duration::<_, 1, 60_000>")]
    pub poll_interval: Duration,
    /// Whether who is taken out is taken out of the config file too.
    #[serde(deserialize_with = "truth")]
    pub persist: bool,
    /// The program that tests an edited config.
    pub binary: Program,
}

impl Default for XraySection {
    fn default() -> Self {
        Self {
            enabled: Toggle::Auto,
            mode: XrayMode::Api,
            api: (Ipv4Addr::LOCALHOST, 10_085).into(),
            config: "/etc/xray/config.json".into(),
            access_log: "/var/log/xray/access.log".into(),
            poll_interval: Duration::from_millis(10),
            persist: false,
            binary: Program::Auto,
        }
    }
}

/// `[forward]`: clients of tunnels, which have no socket here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForwardSection {
    /// What the accounts of tunnel addresses are called.
    #[serde(deserialize_with = "clients")]
    pub names: Vec<(Prefix, String)>,
}

/// `[hosts]`: capture of host names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostsSection {
    /// Whether it starts on.
    #[serde(deserialize_with = "truth")]
    pub enabled: bool,
    /// Hosts kept; the oldest goes first.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000_000>")]
    pub max_hosts: u32,
    /// Connections whose bytes count for their host at a time; the others' count for their user alone.
    #[serde(deserialize_with = "whole::<_, _, 64, 65_536>")]
    pub max_flows: u32,
}

impl Default for HostsSection {
    fn default() -> Self {
        Self { enabled: true, max_hosts: 100_000, max_flows: MAX_FLOWS }
    }
}

/// `[history]`: usage by hour and day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySection {
    /// Whether it is kept.
    #[serde(deserialize_with = "truth")]
    pub enabled: bool,
    /// Days kept, today included.
    #[serde(deserialize_with = "whole::<_, _, 1, 3660>")]
    pub keep_days: u16,
}

impl Default for HistorySection {
    fn default() -> Self {
        Self { enabled: true, keep_days: 400 }
    }
}

/// `[enforce]`: what happens at a limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnforceSection {
    /// Say what would be done, and do nothing.
    #[serde(deserialize_with = "truth")]
    pub dry_run: bool,
    /// For SSH accounts.
    pub ssh: SshAction,
    /// For Xray accounts.
    pub xray: XrayAction,
    /// Percent of a limit from which an account is in `warning`.
    #[serde(deserialize_with = "whole::<_, _, 1, 100>")]
    pub warn_percent: u8,
    /// Names never touched, besides root, sudoers and UIDs outside the range.
    #[serde(deserialize_with = "names")]
    pub protect: Vec<String>,
}

impl Default for EnforceSection {
    fn default() -> Self {
        Self {
            dry_run: false,
            ssh: SshAction::Delete,
            xray: XrayAction::Remove,
            warn_percent: 80,
            protect: Vec::new(),
        }
    }
}
