//! Where the panel's files are: in its own places, or in a copy of them.

use std::path::{Path, PathBuf};

/// The panel's files; any of them may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `user MB type`.
    pub(super) limits: PathBuf,
    /// `user baseline_bytes`.
    pub(super) baselines: PathBuf,
    /// `user raw_counter`.
    pub(super) counters: PathBuf,
    /// `user type YYYY-MM-DD`.
    pub(super) disabled: PathBuf,
    /// Directory of `<user>.json`.
    pub(super) usage: PathBuf,
    /// `host|service|source_ip|time`.
    pub(super) hosts: PathBuf,
    /// `host|service|time`.
    pub(super) old_hosts: PathBuf,
    /// The server's name and address, each the first line of its file.
    pub(super) own_names: [PathBuf; 2],
}

impl Places {
    /// The panel's own places, or those under `from`: a root that holds `etc/`, a copy of `/etc`,
    /// or a directory with the files themselves.
    #[must_use]
    pub fn find(from: Option<&Path>) -> Self {
        let Some(from) = from else { return Self::under_etc(Path::new("/etc")) };
        let etc = [from.join("etc"), from.to_owned()];
        let holds = |etc: &&PathBuf| etc.join("xray").is_dir() || etc.join("myvpn").is_dir();
        match etc.iter().find(holds) {
            Some(etc) => Self::under_etc(etc),
            None => Self::flat(from),
        }
    }

    fn under_etc(etc: &Path) -> Self {
        let own = etc.join("myipvps");
        Self::from(&etc.join("xray"), &etc.join("myvpn"), etc.join("myvpn/usage"), own)
    }

    fn flat(dir: &Path) -> Self {
        let usage = dir.join("usage");
        let usage = if usage.is_dir() { usage } else { dir.to_owned() };
        Self::from(dir, dir, usage, dir.join("myipvps"))
    }

    fn from(xray: &Path, myvpn: &Path, usage: PathBuf, address: PathBuf) -> Self {
        Self {
            limits: xray.join("bw-limit.conf"),
            baselines: xray.join("bw-usage.conf"),
            counters: xray.join("bw-last-stats.conf"),
            disabled: xray.join("bw-disabled.conf"),
            usage,
            hosts: myvpn.join("hosts.log"),
            old_hosts: xray.join("captured-hosts.txt"),
            own_names: [xray.join("domain"), address],
        }
    }
}
