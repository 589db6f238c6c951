//! What other tools see of the same traffic, each set up as its users would, in the namespace.

mod iptables;
mod nethogs;
mod nft;
mod vnstat;

use serde::Serialize;
use vpnmon_tests::namespace::Namespace;

use self::{nethogs::Nethogs, vnstat::Vnstat};

/// Bytes that a tool gives an account; `None` for what it has no number for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Sent.
    pub up: Option<u64>,
    /// Received.
    pub down: Option<u64>,
}

/// Of every tool.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Views {
    /// nftables' `meta skuid`, in the output hook: input has no user.
    pub nft_skuid: Seen,
    /// iptables' `-m owner`, the same.
    pub iptables_owner: Seen,
    /// nethogs, all processes of the user.
    pub nethogs: Seen,
    /// vnstat, the whole interface.
    pub vnstat: Seen,
}

/// All tools, watching. One that is not there, or that cannot watch here, sees nothing.
#[derive(Debug)]
pub struct Peers {
    has_iptables: bool,
    nethogs: Option<Nethogs>,
    vnstat: Option<Vnstat>,
}

impl Peers {
    /// On `device` of `near`, for the accounts `uids`.
    pub fn start(near: &Namespace, device: &str, uids: &[u32]) -> Self {
        nft::load(near, uids);
        Self {
            has_iptables: iptables::load(near, uids).is_some(),
            vnstat: Vnstat::start(near, device),
            nethogs: Nethogs::start(near, device),
        }
    }

    /// After the traffic, once each tool has looked again: seconds.
    pub fn finish(self, near: &Namespace, uids: &[u32]) -> Vec<Views> {
        let processes = self.nethogs.map(Nethogs::finish).unwrap_or_default();
        let vnstat = self.vnstat.map(Vnstat::finish).unwrap_or_default();
        let views = uids.iter().map(|uid| Views {
            nft_skuid: nft::seen(near, *uid),
            iptables_owner: if self.has_iptables {
                iptables::seen(near, *uid)
            } else {
                Seen::default()
            },
            nethogs: nethogs::of(&processes, *uid),
            vnstat,
        });
        views.collect()
    }
}
