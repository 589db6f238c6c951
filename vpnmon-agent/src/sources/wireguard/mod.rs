//! WireGuard's peers: which addresses each may have, and what the admin calls it.

mod conf;
mod show;

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::network::Prefix;

/// Where `wg-quick` has its files.
pub const CONF_DIR: &str = "/etc/wireguard";
/// Where distributions put it; no search, for the agent is root.
const TOOLS: [&str; 3] = ["/usr/bin/wg", "/usr/sbin/wg", "/usr/local/bin/wg"];
/// A peer has some hundred bytes.
const MAX_CONF_BYTES: u64 = 16 << 20;

/// A peer of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Name of the interface.
    pub interface: String,
    /// Public key, as WireGuard writes it.
    pub key: String,
    /// The addresses it may have.
    pub prefixes: Vec<Prefix>,
}

/// What WireGuard says, asked for now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Networks of each interface's clients.
    pub clients: Vec<(String, Prefix)>,
    /// The UDP ports it listens on.
    pub ports: BTreeSet<u16>,
    /// Names of their addresses.
    pub names: Vec<(Prefix, String)>,
}

/// The peers of all interfaces. Nothing where there is no WireGuard.
pub fn peers() -> Peers {
    let Some(tool) = TOOLS.iter().map(Path::new).find(|tool| tool.is_file()) else {
        return Peers::default();
    };
    let said = ask(tool, "listen-port").and_then(|ports| Ok((ports, ask(tool, "allowed-ips")?)));
    match said {
        Ok((ports, peers)) => {
            let peers = named(&show::allowed_ips(&peers), &called(Path::new(CONF_DIR)));
            Peers { ports: show::ports(&ports), ..peers }
        }
        Err(error) => {
            log::debug!("{}: {error}", tool.display());
            Peers::default()
        }
    }
}

fn ask(tool: &Path, what: &str) -> io::Result<String> {
    let mut command = Command::new(tool);
    command.args(["show", "all", what]).stdin(Stdio::null()).stderr(Stdio::null());
    Ok(String::from_utf8_lossy(&command.output()?.stdout).into_owned())
}

/// What the files of `wg-quick` call their peers, by public key.
fn called(dir: &Path) -> HashMap<String, String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    let small = |file: &PathBuf| fs::metadata(file).is_ok_and(|it| it.len() <= MAX_CONF_BYTES);
    let texts = files.into_iter().filter(small).filter_map(|file| fs::read(file).ok());
    texts.flat_map(|text| conf::names(&String::from_utf8_lossy(&text))).collect()
}

/// A peer's addresses are one client, called by its name or by the first of them.
fn named(peers: &[Peer], called: &HashMap<String, String>) -> Peers {
    let mut all = Peers::default();
    for peer in peers {
        let Some(first) = peer.prefixes.first() else { continue };
        let name = called.get(&peer.key).cloned().unwrap_or_else(|| first.to_string());
        for prefix in &peer.prefixes {
            all.clients.push((peer.interface.clone(), *prefix));
            if !prefix.is_default() {
                all.names.push((*prefix, name.clone()));
            }
        }
    }
    all
}

/// Any bytes as a file and as what `wg` prints: names are of peers, and fit on a line.
pub fn fuzz(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let called: HashMap<_, _> = conf::names(&text).into_iter().collect();
    assert!(called.iter().all(|(key, name)| !key.is_empty() && !name.contains('\n')), "{called:?}");
    let peers = named(&show::allowed_ips(&text), &called);
    assert!(peers.names.len() <= peers.clients.len(), "{peers:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_peer_have_one_name() {
        let dir = tempfile::tempdir().unwrap();
        let conf = "[Peer]\n# alice\nPublicKey = AAA=\nAllowedIPs = 10.9.0.2/32\n";
        fs::write(dir.path().join("wg0.conf"), conf).unwrap();
        fs::write(dir.path().join("wg0.conf.bak"), conf.replace("alice", "old")).unwrap();
        let text = "wg0\tAAA=\t10.9.0.2/32 fd00::2/128\nwg0\tBBB=\t10.9.0.3/32 fd00::3/128\n\
                    wg1\tCCC=\t0.0.0.0/0\nwg1\tDDD=\t(none)\n";
        let peers = named(&show::allowed_ips(text), &called(dir.path()));
        let names: Vec<_> = peers.names.iter().map(|(p, name)| format!("{p} {name}")).collect();
        let expected = ["10.9.0.2 alice", "fd00::2 alice", "10.9.0.3 10.9.0.3", "fd00::3 10.9.0.3"];
        assert_eq!(names, expected);
        assert_eq!(peers.clients.len(), 5);
    }
}
