//! What `wg show all allowed-ips` prints (wg(8)): interface, public key and prefixes a line.

use std::collections::BTreeSet;

use super::Peer;

/// The peers of the text; lines that are none are passed over, and so are their bad prefixes.
pub fn allowed_ips(text: &str) -> Vec<Peer> {
    text.lines().filter_map(peer).collect()
}

/// What `wg show all listen-port` prints: interface and port a line.
pub fn ports(text: &str) -> BTreeSet<u16> {
    let port = |line: &str| line.split_ascii_whitespace().nth(1)?.parse().ok();
    text.lines().filter_map(port).filter(|port| *port != 0).collect()
}

fn peer(line: &str) -> Option<Peer> {
    let mut words = line.split_ascii_whitespace();
    let (interface, key) = (words.next()?.to_owned(), words.next()?.to_owned());
    // `(none)` is no prefix.
    let prefixes = words.filter_map(|word| word.parse().ok()).collect();
    Some(Peer { interface, key, prefixes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &[&str])]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(interface, key, prefixes)| Peer {
                interface: (*interface).to_owned(),
                key: (*key).to_owned(),
                prefixes: prefixes.iter().map(|text| text.parse().unwrap()).collect(),
            })
            .collect();
        assert_eq!(allowed_ips(text), expected, "{text}");
    }

    #[test]
    fn ports_are_read() {
        let found = ports("wg0\t51820\nwg1\t0\nwg2\nwg3\t70000\nwg4\t51821\n");
        assert_eq!(found, BTreeSet::from([51_820, 51_821]));
    }

    #[test]
    fn peers_are_read() {
        check(
            "wg0\tK1=\t10.9.0.2/32 fd00:9::2/128\nwg1\tK2=\t(none)\n",
            &[("wg0", "K1=", &["10.9.0.2", "fd00:9::2"]), ("wg1", "K2=", &[])],
        );
        check("", &[]);
        check("wg0\n\nwg0 K3= 10.0.0.0/99 10.0.0.0/8", &[("wg0", "K3=", &["10.0.0.0/8"])]);
    }
}
