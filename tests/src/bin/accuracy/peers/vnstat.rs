//! vnstat: the interface's own counters, read now and then into a database.

use std::{fs, process::Command, thread, time::Duration};

use nix::sys::signal::Signal;
use serde::Deserialize;
use tempfile::TempDir;
use vpnmon_tests::{
    machine::find,
    namespace::Namespace,
    process::{Process, outcome},
    wait::{SOON, wait_for},
};

use super::Seen;

/// The shortest that it takes.
const INTERVAL: Duration = Duration::from_secs(2);

/// A daemon with a database of its own.
#[derive(Debug)]
pub struct Vnstat {
    daemon: Process,
    dir: TempDir,
    namespace: String,
    device: String,
}

impl Vnstat {
    /// Waits until it knows the device. It never looks at loopback.
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
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &near.name, "vnstatd", "--nodaemon", "--config"]);
        let daemon = Process::start("vnstatd", command.arg(&config));
        let (namespace, device) = (near.name.clone(), device.to_owned());
        let vnstat = Self { daemon, dir, namespace, device };
        wait_for("vnstat's first look", SOON, || vnstat.read().map(|_| ()));
        Some(vnstat)
    }

    /// After its next look, whose result is on disk when the daemon has ended.
    pub fn finish(mut self) -> Seen {
        thread::sleep(2 * INTERVAL);
        self.daemon.signal(Signal::SIGTERM);
        let _ = self.daemon.end(SOON);
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Result<Seen, String> {
        let config = self.dir.path().join("vnstat.conf").display().to_string();
        let args = ["netns", "exec", &self.namespace, "vnstat", "--config", &config, "--json"];
        let ended = outcome("ip", &args);
        let document: Document =
            serde_json::from_str(&ended.stdout).map_err(|e| format!("{e}: {}", ended.stdout))?;
        let found = document.interfaces.into_iter().find(|found| found.name == self.device);
        let total = found.ok_or_else(|| format!("no {}", self.device))?.traffic.total;
        Ok(Seen { up: Some(total.tx), down: Some(total.rx) })
    }
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
