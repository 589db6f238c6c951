//! Where the agents meter: a cgroup each, and its maps.

use std::path::Path;

use vpnmon_tests::{cgroup::Cgroup, home::Home, namespace::Namespace};

use crate::{place::Place, plan::Plan, rounds::Name, senders::Pick};

/// Made before the agents, gone after them.
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
