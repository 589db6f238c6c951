//! Which client's end of a connection is whose, as the access log has told it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
};

/// Ends that are remembered; the oldest is forgotten first.
const MAX_PEERS: usize = 65_536;

/// The ends of connections.
#[derive(Debug, Default)]
pub struct Peers {
    /// Whose it was last, and the number of that telling.
    by_end: HashMap<SocketAddr, (Arc<str>, u64)>,
    /// In the order of telling; one that was told again is here twice.
    told: VecDeque<(SocketAddr, u64)>,
    number: u64,
    /// Users who came through a proxy that did not say by which of its connections.
    hidden: HashSet<Arc<str>>,
    /// Why there is no log to tell of any.
    pub problem: Option<String>,
}

impl Peers {
    /// The connection from `end` is `name`'s. A port is used again by others: the last one counts.
    pub fn saw(&mut self, end: SocketAddr, name: &Arc<str>) {
        if end.port() == 0 {
            self.hidden.insert(Arc::clone(name));
            return;
        }
        self.number += 1;
        self.by_end.insert(end, (Arc::clone(name), self.number));
        self.told.push_back((end, self.number));
        while self.told.len() > MAX_PEERS {
            let Some((end, number)) = self.told.pop_front() else { return };
            if self.by_end.get(&end).is_some_and(|(_, last)| *last == number) {
                self.by_end.remove(&end);
            }
        }
    }

    /// Whether the connection from `end` is `name`'s.
    pub fn is(&self, end: SocketAddr, name: &str) -> bool {
        self.by_end.get(&end).is_some_and(|(whose, _)| **whose == *name)
    }

    /// Whether some of its connections cannot be told.
    pub fn is_hidden(&self, name: &str) -> bool {
        self.hidden.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let end = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let (bob, al) = (Arc::from("bob"), Arc::from("al"));
        let mut peers = Peers::default();
        peers.saw(end(1), &bob);
        peers.saw(end(2), &bob);
        peers.saw(end(1), &al);
        peers.saw(end(0), &al);
        assert!(peers.is(end(2), "bob") && peers.is(end(1), "al"));
        assert!(!peers.is(end(1), "bob") && !peers.is(end(3), "bob"));
        assert!(peers.is_hidden("al") && !peers.is_hidden("bob"));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let bob = Arc::from("bob");
        let end = |n: usize| {
            let [_, _, a, b] = u32::try_from(n).unwrap().to_be_bytes();
            SocketAddr::from(([192, 0, a, b], 9))
        };
        let mut peers = Peers::default();
        peers.saw(end(0), &bob);
        for n in 1..MAX_PEERS {
            peers.saw(end(n), &bob);
        }
        peers.saw(end(0), &bob);
        assert!(peers.is(end(0), "bob"), "told again");
        peers.saw(SocketAddr::from(([198, 51, 100, 1], 9)), &bob);
        assert!(!peers.is(end(1), "bob"));
        assert_eq!(peers.told.len(), MAX_PEERS);
    }
}
