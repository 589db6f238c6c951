//! Debian's Prometheus, scraping an agent.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    http::{encoded, get},
    machine::artifact,
    process::Process,
    wait::wait_for,
};

/// It maps files and starts slowly on a busy machine.
const STARTED: Duration = Duration::from_mins(1);

fn program(name: &str) -> PathBuf {
    artifact("VPNMON_PROMETHEUS", "target/prometheus/usr/bin").join(name)
}

/// What is in `contrib`.
#[must_use]
pub fn contrib(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(path)
}

/// Runs promtool with `text` on its stdin; panics with what it says unless it has nothing to say
/// against it.
pub fn promtool(args: &[&str], text: &str) {
    let mut command = Command::new(program("promtool"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("promtool: {e}"));
    let stdin = child.stdin.take();
    stdin.unwrap_or_else(|| unreachable!("piped")).write_all(text.as_bytes()).unwrap_or_default();
    let ended = child.wait_with_output().unwrap_or_else(|e| panic!("promtool: {e}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "promtool {args:?}: {said}");
}

/// Running; killed on drop.
#[derive(Debug)]
pub struct Prometheus {
    _dir: TempDir,
    process: Process,
    at: SocketAddr,
}

impl Prometheus {
    /// Scrapes `target` twice a second, and evaluates the alerts of `contrib`. `at` must be free.
    #[must_use]
    pub fn start(at: SocketAddr, target: SocketAddr) -> Self {
        let dir = TempDir::with_prefix("vpnmon-prometheus-").unwrap_or_else(|e| panic!("{e}"));
        let config = format!(
            "rule_files: ['{}']\nscrape_configs:\n- job_name: vpnmon\n  scrape_interval: 500ms\n  \
             static_configs: [{{targets: ['{target}']}}]\n",
            contrib("prometheus/alerts.yml").display()
        );
        let file = dir.path().join("prometheus.yml");
        fs::write(&file, config).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let process = Process::start(
            "prometheus",
            Command::new(program("prometheus"))
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
                .arg(format!("--web.listen-address={at}"))
                .arg("--log.level=warn"),
        );
        let prometheus = Self { _dir: dir, process, at };
        wait_for("prometheus", STARTED, || match get(at, "/-/ready") {
            Ok((200, _)) => Ok(()),
            other => Err(format!("{other:?}; {}", prometheus.process.stderr())),
        });
        prometheus
    }

    /// The values of the series that a query gives now. What it cannot parse is an error.
    pub fn query(&self, text: &str) -> Result<Vec<f64>, String> {
        let (status, body) = get(self.at, &format!("/api/v1/query?query={}", encoded(text)))?;
        if status != 200 {
            return Err(format!("{text}: {status} {body}"));
        }
        let answer: Value = serde_json::from_str(&body).map_err(|e| format!("{e} in {body}"))?;
        let rows = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |row: &Value| row["value"][1].as_str()?.parse().ok();
        Ok(rows.iter().filter_map(value).collect())
    }

    /// The one value that a query gives.
    pub fn value(&self, text: &str) -> Result<f64, String> {
        match self.query(text)?.as_slice() {
            [value] => Ok(*value),
            other => Err(format!("{text}: {other:?}")),
        }
    }
}
