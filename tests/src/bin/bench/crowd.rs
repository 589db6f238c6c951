//! All sockets of a run.

use crate::{
    empty::Empty, firewall::Firewall, ground::Ground, place::Place, plan::Plan, senders::Senders,
};

/// First uid of the accounts: in the range of `useradd`, as most users' are.
pub const FIRST_UID: u32 = 10_000;
/// The account whose bytes are followed to the control socket.
pub const PROBE_UID: u32 = FIRST_UID - 1;
/// Beyond the range of `useradd`, as containers and directories have them.
const HIGH_UID: u32 = 100_000;

/// Rules of firewalls that are compared: users of each.
const IPTABLES: [u32; 3] = [1, 100, 1_000];
const NFTABLES: u32 = 1_000;

/// The sockets.
pub struct Crowd {
    /// As many as the largest metered crowd, without a program.
    pub bare: Senders,
    /// As many, with the empty program.
    pub empty: Senders,
    /// One that is sent to, with the empty program.
    pub empty_sink: Senders,
    /// One that is sent to, metered.
    pub metered_sink: Senders,
    /// One of a uid that is found by hash, metered.
    pub high_uid: Senders,
    /// Those of [`Ground::metered`].
    pub metered: Vec<Senders>,
    /// One more in each of these, of [`PROBE_UID`].
    pub probes: Vec<Senders>,
    /// The firewalls', in namespaces of their own.
    pub firewalls: Vec<Firewall>,
}

impl Crowd {
    /// Makes all sockets; each sends once, so that each account has its slot.
    pub fn gather(ground: &Ground, empty: &Empty, plan: &Plan) -> Self {
        let (bare, with_empty) = (&ground.bare(), &empty.place(&ground.netns));
        let uids = |accounts| FIRST_UID..FIRST_UID + accounts;
        let places: Vec<_> = ground.metered.iter().map(|metered| metered.place(ground)).collect();
        let crowds = ground.metered.iter().zip(&places);
        let metered =
            crowds.map(|(metered, place)| Senders::new(place, bare, uids(metered.accounts)));
        let probe = |place: &Place| Senders::new(place, bare, PROBE_UID..FIRST_UID);
        let iptables = IPTABLES.into_iter().map(Firewall::iptables);
        Self {
            bare: Senders::new(bare, bare, uids(plan.most())),
            empty: Senders::new(with_empty, bare, uids(plan.most())),
            empty_sink: Senders::new(bare, with_empty, uids(1)),
            metered_sink: Senders::new(bare, &places[0], uids(1)),
            high_uid: Senders::new(&places[0], bare, HIGH_UID..HIGH_UID + 1),
            metered: metered.collect(),
            probes: places.iter().map(probe).collect(),
            firewalls: iptables.chain([Firewall::nftables(NFTABLES)]).collect(),
        }
    }
}
