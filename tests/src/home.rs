//! Where one agent lives: config file, state directory, socket, pins.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

use crate::{
    machine::artifact,
    process::{Ended, outcome},
    status::{Bytes, Status},
    usage::UsageFile,
};

static MADE: AtomicU32 = AtomicU32::new(0);

/// Outlives the agents started in it; detaches on drop.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
    agent: PathBuf,
    /// `agent.bpffs`.
    pub bpffs: PathBuf,
}

impl Home {
    /// A config file of the test's own paths and then `sections`.
    #[must_use]
    pub fn new(sections: &str) -> Self {
        Self::of(&artifact("VPNMON_AGENT", "target/release/vpnmon-agent"), sections)
    }

    /// The same, for the agent of another build.
    #[must_use]
    pub fn of(agent: &Path, sections: &str) -> Self {
        let dir =
            TempDir::with_prefix("vpnmon-test-").unwrap_or_else(|e| panic!("no directory: {e}"));
        // Also other users run the agent on this config, to be refused.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), open)
            .unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
        let serial = MADE.fetch_add(1, Ordering::Relaxed);
        let bpffs = PathBuf::from(format!("/sys/fs/bpf/vpnmon-test-{}-{serial}", process::id()));
        let home = Self { dir, agent: agent.to_owned(), bpffs };
        home.configure(sections);
        home
    }

    /// Writes the config file anew.
    pub fn configure(&self, sections: &str) {
        let text = format!(
            "[agent]\nstate_dir = '{}'\nsocket = '{}'\nbpffs = '{}'\n{sections}\n",
            self.state_dir().display(),
            self.socket().display(),
            self.bpffs.display()
        );
        let file = self.config();
        fs::write(&file, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
    }

    /// The config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    /// `agent.state_dir`; the agent makes it.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// `agent.socket`.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("agent.sock")
    }

    /// The command line of the agent with `args`.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Vec<String> {
        let (agent, config) = (self.agent.display(), self.config());
        let fixed = [agent.to_string(), "--config".into(), config.display().to_string()];
        fixed.into_iter().chain(args.iter().map(ToString::to_string)).collect()
    }

    /// Runs the agent with `args` to its end.
    #[must_use]
    pub fn agent(&self, args: &[&str]) -> Ended {
        let command = self.command(args);
        let args: Vec<_> = command[1..].iter().map(String::as_str).collect();
        outcome(&command[0], &args)
    }

    /// `status --json`.
    #[must_use]
    pub fn status(&self) -> Status {
        let ended = self.agent(&["status", "--json"]);
        assert_eq!(ended.code, 0, "status: {}", ended.stderr);
        Status::read(&ended.stdout)
    }

    /// The usage file of `name`.
    #[must_use]
    pub fn usage(&self, name: &str) -> UsageFile {
        UsageFile::read(&self.state_dir().join("usage").join(format!("{name}.json")))
    }

    /// The whole lines of `hosts.jsonl`.
    #[must_use]
    pub fn host_events(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.state_dir().join("hosts.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let event = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        whole.lines().map(event).collect()
    }

    /// What each host of the account has got, by name; `*other*` is the rest.
    #[must_use]
    pub fn host_bytes(&self, account: &str) -> BTreeMap<String, Bytes> {
        let ended = self.agent(&["status", account, "--hosts", "--json"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let status: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let rows = status["hosts"].as_array().cloned().unwrap_or_default();
        let bytes = |row: &serde_json::Value, way: &str| row[way].as_u64().unwrap_or(0);
        let row = |row: &serde_json::Value| {
            let host = row["host"].as_str().unwrap_or_default().to_owned();
            (host, Bytes { up: bytes(row, "uplink"), down: bytes(row, "downlink") })
        };
        rows.iter().map(row).collect()
    }

    /// Names of what is pinned.
    #[must_use]
    pub fn pins(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.bpffs).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// What an agent would leave behind that never ran: nothing.
    #[must_use]
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let config = self.config();
        let files = fs::read_dir(self.dir.path()).into_iter().flatten().flatten();
        let mut found: Vec<_> =
            files.map(|entry| entry.path()).filter(|path| *path != config).collect();
        found.extend(self.bpffs.exists().then(|| self.bpffs.clone()));
        found
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.bpffs.exists() {
            return;
        }
        let ended = self.agent(&["detach"]);
        let left = self.pins();
        // Unlinking a pin lets go of what it names, so a failed detach leaves nothing attached.
        let _ = fs::remove_dir_all(&self.bpffs);
        if !std::thread::panicking() {
            assert!(ended.code == 0 && left.is_empty(), "detach left {left:?}: {}", ended.stderr);
        }
    }
}
