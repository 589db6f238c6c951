//! What others count users with: a rule a user, or a set.

use std::{fmt::Write as _, io::Write as _, ops::Range};

use tempfile::NamedTempFile;
use vpnmon_tests::namespace::Namespace;

use crate::{crowd::FIRST_UID, place::Place, rounds::Name, senders::Senders};

/// A network namespace whose output chain counts by uid, and a sender who is counted.
#[derive(Debug)]
pub struct Firewall {
    /// For results.
    pub name: Name,
    /// The one user among them who sends.
    pub senders: Senders,
    _netns: Namespace,
}

impl Firewall {
    /// `iptables -m owner --uid-owner`, one rule an account. The rules have no target, as counting
    /// ones do, so a packet passes all of them whoever sends it.
    pub fn iptables(accounts: u32) -> Self {
        let mut rules = "*filter\n".to_owned();
        for uid in uids(accounts) {
            let _ = writeln!(rules, "-A OUTPUT -m owner --uid-owner {uid}");
        }
        rules.push_str("COMMIT\n");
        let label = format!("iptables, {accounts} owner rule{}", plural(accounts));
        let name = Name::new(&format!("iptables-{accounts}"), &label);
        Self::new(name, &["iptables-restore"], &["iptables-save", "-c"], &rules)
    }

    /// One nftables set with a counter an element.
    pub fn nftables(accounts: u32) -> Self {
        let elements: Vec<_> = uids(accounts).map(|uid| uid.to_string()).collect();
        let rules = format!(
            "table inet users {{\n set users {{\n  typeof meta skuid; counter; elements = {{ {} }}\n \
             }}\n chain out {{\n  type filter hook output priority 0;\n  meta skuid @users\n }}\n}}\n",
            elements.join(", ")
        );
        let label = format!("nftables, one set of {accounts} users");
        let name = Name::new(&format!("nftables-{accounts}"), &label);
        Self::new(name, &["nft", "-f"], &["nft", "list", "ruleset"], &rules)
    }

    fn new(name: Name, load: &[&str], list: &[&str], rules: &str) -> Self {
        let netns = Namespace::new(&name.key);
        let mut file = NamedTempFile::new().unwrap_or_else(|e| panic!("no temporary file: {e}"));
        file.write_all(rules.as_bytes()).unwrap_or_else(|e| panic!("cannot write rules: {e}"));
        let path = file.path().to_string_lossy().into_owned();
        netns.exec(&[load, &[&path]].concat());
        let place = Place::new(&netns, None);
        let before = netns.exec(list);
        let senders = Senders::new(&place, &place, uids(1));
        // Rules that match nobody would be no comparison.
        assert_ne!(before, netns.exec(list), "{}: the rules do not count", name.label);
        Self { name, senders, _netns: netns }
    }
}

fn uids(accounts: u32) -> Range<u32> {
    FIRST_UID..FIRST_UID + accounts
}

const fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}
