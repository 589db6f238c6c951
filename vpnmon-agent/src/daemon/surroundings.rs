//! The network around the agent: which interfaces are metered, and what their clients are called.

use crate::{
    config::{Config, Interfaces},
    network::{Layout, Names, Network, Prefix, layout},
    sources::{
        network::NetworkWatch,
        wireguard::{Peers, peers},
    },
};

/// Newcomers make it ask at most once in so many looks: whoever invents addresses must not keep it
/// busy.
const ASK_AGAIN: u32 = 10;
/// Looks between two questions to WireGuard when nothing else has changed.
const ASK_PEERS: u32 = 50;

/// What is known of it.
pub struct Surroundings {
    watch: Option<NetworkWatch>,
    network: Network,
    peers: Peers,
    looks: u32,
    asked_at: u32,
    /// `meter.interfaces`; `None` is `auto`.
    named: Option<Vec<String>>,
    /// `forward.names`.
    names: Vec<(Prefix, String)>,
}

impl Surroundings {
    /// After a first look.
    pub fn new(config: &Config) -> Self {
        let watch = NetworkWatch::new();
        let watch = watch.inspect_err(|error| log::warn!("interfaces: cannot watch them: {error}"));
        let mut surroundings = Self {
            watch: watch.ok(),
            network: Network::default(),
            peers: Peers::default(),
            looks: 0,
            asked_at: 0,
            named: match &config.meter.interfaces {
                Interfaces::Auto => None,
                Interfaces::Named(names) => Some(names.clone()),
            },
            names: config.forward.names.clone(),
        };
        surroundings.changed();
        surroundings
    }

    /// Looks again. Whether anything is not as it was.
    pub fn changed(&mut self) -> bool {
        self.looks = self.looks.wrapping_add(1);
        let Some(watch) = &mut self.watch else { return false };
        match watch.changed() {
            Ok(Some(network)) => {
                self.network = network;
                self.ask_peers();
                true
            }
            Ok(None) => self.looks.is_multiple_of(ASK_PEERS) && self.ask_peers(),
            Err(error) => {
                log::debug!("interfaces: {error}");
                false
            }
        }
    }

    /// Somebody has come whom nobody has named. Whether WireGuard says something new.
    pub fn ask_of_newcomers(&mut self) -> bool {
        self.looks.wrapping_sub(self.asked_at) >= ASK_AGAIN && self.ask_peers()
    }

    /// Asks WireGuard, where there is a tunnel. Whether it says something new.
    fn ask_peers(&mut self) -> bool {
        self.asked_at = self.looks;
        let peers = if self.network.has_tunnels() { peers() } else { Peers::default() };
        let is_new = peers != self.peers;
        self.peers = peers;
        is_new
    }

    /// What the tc programs are to know.
    pub fn layout(&self) -> Layout {
        let layout = layout(&self.network, self.named.as_deref(), &self.peers.clients);
        Layout { carriers: self.peers.ports.clone(), ..layout }
    }

    /// What clients are called.
    pub fn names(&self) -> Names {
        Names::new(self.names.clone(), self.peers.names.clone())
    }
}
