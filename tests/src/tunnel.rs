//! Traffic of SSH users through forwarded ports, and back.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    agent::Agent,
    auth_log::AuthLog,
    cgroup::Cgroup,
    figures::Leg,
    home::Home,
    namespace::Namespace,
    order::{Exchange, Order, Place, Role},
    process::Process,
    ssh::{Keys, LogTo, Login, Stand},
    status::Bytes,
};

/// Where servers stand: a network, a log and a cgroup of their own. Only what is in the cgroup is
/// metered, so no row moves but by what the servers send and receive: clients, destinations and the
/// rest of the machine are outside.
#[derive(Debug)]
pub struct Ground {
    /// Of all servers.
    pub keys: Keys,
    /// What the agent reads.
    pub log: AuthLog,
    /// Of servers, clients and destinations.
    pub netns: Namespace,
    /// Of the servers.
    pub cgroup: Cgroup,
}

impl Ground {
    /// Without a server yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let netns = Namespace::new(name);
        // Loopback would carry super-packets whole; what counts is what a wire would carry.
        netns.exec(&["ethtool", "-K", "lo", "tso", "off", "gso", "off"]);
        Self { keys: Keys::new(), log: AuthLog::new(), netns, cgroup: Cgroup::new(name) }
    }

    /// A place for a server.
    #[must_use]
    pub fn stand(&self) -> Stand<'_> {
        let log = LogTo::File(&self.log);
        Stand { netns: &self.netns, log, cgroup: Some(self.cgroup.path()) }
    }

    /// The home of an agent for this ground.
    #[must_use]
    pub fn home(&self) -> Home {
        let (cgroup, log) = (self.cgroup.path().display(), self.log.file());
        Home::new(&format!("[meter]\ncgroup = '{cgroup}'\n[ssh]\nauth_log = '{}'", log.display()))
    }

    /// An agent that knows the servers which are there: it looks before its first answer.
    #[must_use]
    pub fn agent<'a>(&self, home: &'a Home) -> Agent<'a> {
        let agent = Agent::start(home);
        let _first_answer = agent.status();
        agent
    }

    /// Runs outside of what is metered.
    #[must_use]
    pub fn outside(&self, role: Role) -> Order {
        Order::new(Place::default().netns(&self.netns.name), role)
    }
}

/// How traffic goes through a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `-L`
    Local,
    /// `-D`
    Dynamic,
    /// `-R`
    Remote,
}

/// All of them.
pub const WAYS: [Way; 3] = [Way::Local, Way::Dynamic, Way::Remote];

/// The ports of one login, `FIRST` and the four behind it.
#[derive(Clone, Copy, Debug)]
pub struct Tunnel(pub u16);

impl Tunnel {
    /// Where the server connects to.
    #[must_use]
    pub fn target(self) -> u16 {
        self.0 + 3
    }

    /// The destination legs of its user.
    #[must_use]
    pub fn legs(self) -> [Leg; 2] {
        [Leg::At(self.0 + 2), Leg::To(self.target())]
    }

    /// The login with all its forwardings.
    #[must_use]
    pub fn login(self, login: Login<'_>) -> Login<'_> {
        login.local(self.0, self.target()).dynamic(self.0 + 1).remote(self.0 + 2, self.0 + 4)
    }

    /// Starts both ends of traffic of `payload`, as soon as the login is there: first the user's,
    /// then the other, which closes first.
    #[must_use]
    pub fn start(
        self,
        ground: &Ground,
        way: Way,
        payload: Bytes,
        pace: Option<u32>,
    ) -> [Process; 2] {
        let exchange = exchange(payload);
        let connect = |port, exchange| Role::TcpConnect { to: at(port), exchange, retry: true };
        let listen = |port, exchange| Role::TcpListen { at: at(port), exchange, connections: 1 };
        let start = |role| Order { pace, ..ground.outside(role) };
        if way == Way::Remote {
            let (user, _) = start(listen(self.0 + 4, exchange)).listen();
            return [user, start(connect(self.0 + 2, exchange.mirrored())).start()];
        }
        let (other, _) = start(listen(self.target(), exchange.mirrored())).listen();
        let to = at(self.target());
        let user = match way {
            Way::Dynamic => Role::SocksConnect { proxy: at(self.0 + 1), to, exchange },
            _ => connect(self.0, exchange),
        };
        [start(user).start(), other]
    }
}

/// The user's side of traffic of `payload`.
#[must_use]
pub fn exchange(payload: Bytes) -> Exchange {
    let Bytes { up: send, down } = payload;
    Exchange { send, receive: Some(down), write: 1 << 16, closes_first: false, progress: None }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
