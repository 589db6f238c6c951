//! Everything that a run compares, set up side by side, so that rounds can go over all of it.

use std::{cell::Cell, path::Path};

use vpnmon_tests::{agent::Agent, cgroup::Cgroup, home::Home, namespace::Namespace};

use crate::{
    empty::Empty,
    firewall::Firewall,
    place::Place,
    plan::Plan,
    rounds::Name,
    senders::{Pick, Senders},
};

/// First uid of the accounts: in the range of `useradd`, where a user of a machine is found.
pub const FIRST_UID: u32 = 10_000;
/// The account whose bytes are followed to the control socket.
pub const PROBE_UID: u32 = FIRST_UID - 1;

/// Rules of firewalls that are compared: users of each.
const IPTABLES: [u32; 3] = [1, 100, 1_000];
const NFTABLES: u32 = 1_000;

/// Where the agents meter: a cgroup each, and its maps. Made before the agents, gone after them.
pub struct Ground {
    /// The common loopback.
    pub netns: Namespace,
    /// One an agent, by rising number of accounts.
    pub metered: Vec<Metered>,
}

/// A cgroup that an agent meters.
pub struct Metered {
    /// Of the agent and its accounts.
    pub name: Name,
    /// uids with a slot and a socket.
    pub accounts: u32,
    /// Where the agent lives.
    pub home: Home,
    /// What it meters.
    pub cgroup: Cgroup,
}

impl Ground {
    /// Makes namespace, cgroups and homes; with `against`, an agent to compare with, two of each.
    pub fn new(plan: &Plan, against: Option<&Path>) -> Self {
        let mut metered: Vec<_> = plan.accounts.map(|accounts| Metered::new(accounts, None)).into();
        if let Some(agent) = against {
            metered.extend(plan.accounts.map(|accounts| Metered::new(accounts, Some(agent))));
        }
        Self { netns: Namespace::new("bench"), metered }
    }

    /// Sockets there see no program.
    pub fn bare(&self) -> Place {
        Place::new(&self.netns, None)
    }
}

impl Metered {
    fn new(accounts: u32, against: Option<&Path>) -> Self {
        let which = if against.is_some() { "before" } else { "vpnmon" };
        let noun = if accounts == 1 { "account" } else { "accounts" };
        let name =
            Name::new(&format!("{which}-{accounts}"), &format!("{which}, {accounts} {noun}"));
        let cgroup = Cgroup::new(&name.key);
        let sections = format!("[meter]\ncgroup = '{}'", cgroup.path().display());
        let home = match against {
            Some(agent) => Home::of(agent, &sections),
            None => Home::new(&sections),
        };
        Self { name, accounts, home, cgroup }
    }

    /// Sockets there are metered.
    pub fn place(&self, ground: &Ground) -> Place {
        Place::new(&ground.netns, Some(&self.cgroup))
    }

    /// Who sends: always the same one, or any of them.
    pub fn picks(&self) -> Vec<(Name, Pick)> {
        let one = (self.name.clone(), Pick::One);
        let any = (self.name.and("any", "any of them sends"), Pick::AnyOf(self.accounts));
        if self.accounts > 1 { vec![one, any] } else { vec![one] }
    }
}

/// The agents, of which only the one under test runs.
pub struct Fleet<'a> {
    agents: Vec<Agent<'a>>,
    running: Cell<Option<usize>>,
}

impl<'a> Fleet<'a> {
    /// Starts one on each metered cgroup; all run.
    pub fn start(ground: &'a Ground) -> Self {
        let agents = ground.metered.iter().map(|metered| Agent::start(&metered.home)).collect();
        Self { agents, running: Cell::new(None) }
    }

    /// Stops all but this one, which goes on.
    pub fn only(&self, index: Option<usize>) {
        if self.running.replace(index) == index && index.is_some() {
            return;
        }
        self.agents.iter().for_each(Agent::pause);
        if let Some(index) = index {
            self.agents[index].resume();
        }
    }

    /// All go on.
    pub fn all(&self) {
        self.running.set(None);
        self.agents.iter().for_each(Agent::resume);
    }

    /// Process id of one.
    pub fn id(&self, index: usize) -> u32 {
        self.agents[index].id()
    }

    /// Ends all, each in good order.
    pub fn terminate(self) {
        self.all();
        for agent in self.agents {
            let _ = agent.terminate();
        }
    }
}

/// The sockets.
pub struct Crowd {
    /// As many as the largest metered crowd, without a program.
    pub bare: Senders,
    /// One, with the empty program.
    pub empty: Senders,
    /// One that is sent to, with the empty program.
    pub empty_sink: Senders,
    /// One that is sent to, metered.
    pub metered_sink: Senders,
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
            empty: Senders::new(with_empty, bare, uids(1)),
            empty_sink: Senders::new(bare, with_empty, uids(1)),
            metered_sink: Senders::new(bare, &places[0], uids(1)),
            metered: metered.collect(),
            probes: places.iter().map(probe).collect(),
            firewalls: iptables.chain([Firewall::nftables(NFTABLES)]).collect(),
        }
    }
}
