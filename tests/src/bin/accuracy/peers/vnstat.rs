//! vnstat: the interface's own counters, read now and then into a database.

use std::{fs, process::Command, thread, time::Duration};

use nix::sys::signal::Signal;
use serde::Deserialize;
use tempfile::TempDir;
use vpnmon_tests::{
    machine::find,
    namespace::Namespace,
    process::{Process, outcome},
    wait::SOON,
};

use super::Seen;

/// The shortest that it takes.
const INTERVAL: Duration = Duration::from_secs(2);

/// A daemon with a database of its own.
#[derive(Debug)]
pub struct Vnstat {
    daemon: Process,
    config: String,
    namespace: String,
    device: String,
    _dir: TempDir,
}

impl Vnstat {
    /// Counts from where the device stands now. It never looks at loopback.
    pub fn start(near: &Namespace, device: &str) -> Option<Self> {
        find("vnstatd").filter(|_| device != "lo")?;
        let dir = TempDir::with_prefix("vpnmon-vnstat-").ok()?;
        let config = dir.path().join("vnstat.conf");
        let interval = INTERVAL.as_secs();
        // No user to become, no limit to a plausible rate, no waiting for a clock.
        let text = format!(
            "DatabaseDir \"{}\"\nDaemonUser \"\"\nDaemonGroup \"\"\nUpdateInterval {interval}\n\
             PollInterval {interval}\nMaxBandwidth 0\nBandwidthDetection 0\nTimeSyncWait 0\n",
            dir.path().display()
        );
        fs::write(&config, text).ok()?;
        let (name, config) = (&near.name, config.display().to_string());
        // Nobody may look into the database while the daemon makes it, so it is made before.
        exec(name, &["vnstatd", "--config", &config, "--initdb"])?;
        exec(name, &["vnstat", "--config", &config, "--add", "-i", device])?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name, "vnstatd", "--config", &config, "--nodaemon"]);
        let daemon = Process::start("vnstatd", &mut command);
        Some(Self { daemon, config, namespace: name.clone(), device: device.to_owned(), _dir: dir })
    }

    /// After its next look, whose result is on disk when the daemon has ended.
    pub fn finish(mut self) -> Seen {
        thread::sleep(2 * INTERVAL);
        self.daemon.signal(Signal::SIGTERM);
        let _ = self.daemon.end(SOON);
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Option<Seen> {
        let text = exec(&self.namespace, &["vnstat", "--config", &self.config, "--json"])?;
        let document: Document = serde_json::from_str(&text).ok()?;
        let found = document.interfaces.into_iter().find(|found| found.name == self.device);
        found.map(|Interface { traffic: Traffic { total }, .. }| Seen {
            up: Some(total.tx),
            down: Some(total.rx),
        })
    }
}

/// Stdout of a program that ends well.
fn exec(namespace: &str, command: &[&str]) -> Option<String> {
    let ended = outcome("ip", &[&["netns", "exec", namespace], command].concat());
    (ended.code == 0).then_some(ended.stdout)
}

#[derive(Deserialize)]
struct Document {
    interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
struct Interface {
    name: String,
    traffic: Traffic,
}

#[derive(Deserialize)]
struct Traffic {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    rx: u64,
    tx: u64,
}
