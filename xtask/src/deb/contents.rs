//! Which file goes where.

use std::{fs, path::Path, process::Command};

use super::{Build, changelog, licences, output, stage::Stage};
use crate::failure::{OrFail, Result};

/// Programs of the old panel, which the agent answers to by these names.
const OLD_NAMES: [&str; 5] =
    ["cek-bw-limit", "realtime-bandwidth", "realtime-hosts", "capture-host", "menu-captured-hosts"];
/// Services of the old panel. Links beside ours, and not `Alias=`, which would fail where the panel
/// left its own units in /etc; those go before ours.
const OLD_UNITS: [&str; 2] = ["bw-limit-check.service", "host-capture.service"];
const UNIT: &str = "vpnmon-agent.service";
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/vpnmon-agent"),
    ("zsh", "usr/share/zsh/vendor-completions/_vpnmon-agent"),
    ("fish", "usr/share/fish/vendor_completions.d/vpnmon-agent.fish"),
];
/// For monitoring.
const CONTRIB: [&str; 3] =
    ["grafana/vpnmon.json", "prometheus/alerts.yml", "prometheus/prometheus.yml"];
const DOC: &str = "usr/share/doc/vpnmon";
const MAN: &str = "usr/share/man/man8";

/// Puts everything into the stage.
pub fn fill(build: &Build<'_>, stage: &mut Stage) -> Result<()> {
    let packaging = build.layout.root.join("packaging");
    stage.file("usr/bin/vpnmon-agent", &read(build.agent)?, 0o755)?;
    for name in OLD_NAMES {
        stage.link(&format!("usr/bin/{name}"), "vpnmon-agent")?;
    }
    stage.file("etc/vpnmon/config.toml", &read(&packaging.join("config.toml"))?, 0o644)?;
    // Debian 12 and Ubuntu 20.04 look for units here when they enable one.
    let units = "lib/systemd/system";
    stage.file(&format!("{units}/{UNIT}"), &read(&packaging.join(UNIT))?, 0o644)?;
    for name in OLD_UNITS {
        stage.link(&format!("{units}/{name}"), UNIT)?;
    }
    for (shell, place) in COMPLETIONS {
        let text = said(build.agent, &["completions", shell])? + "\n";
        stage.file(place, text.as_bytes(), 0o644)?;
    }
    let page = said(build.agent, &["man"])? + "\n";
    stage.gzipped(&format!("{MAN}/vpnmon-agent.8.gz"), &page)?;
    for name in OLD_NAMES {
        stage.link(&format!("{MAN}/{name}.8.gz"), "vpnmon-agent.8.gz")?;
    }
    documents(build, stage)
}

fn documents(build: &Build<'_>, stage: &mut Stage) -> Result<()> {
    let root = &build.layout.root;
    let changelog = changelog::debian(build, &text(&root.join("CHANGELOG.md"))?)?;
    stage.gzipped(&format!("{DOC}/changelog.gz"), &changelog)?;
    stage.gzipped(&format!("{DOC}/THIRD-PARTY.gz"), &licences::all(build)?)?;
    let copyright = licences::own(build)?;
    stage.file(&format!("{DOC}/copyright"), copyright.as_bytes(), 0o644)?;
    let what = "reading docs";
    let mut manuals = Vec::new();
    for entry in fs::read_dir(root.join("docs")).or_fail(what, "restore docs")? {
        let path = entry.or_fail(what, "restore docs")?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            manuals.push(path);
        }
    }
    manuals.sort();
    for manual in manuals {
        let name = manual.file_name().unwrap_or_default().to_string_lossy().into_owned();
        stage.file(&format!("{DOC}/{name}"), &read(&manual)?, 0o644)?;
    }
    for name in CONTRIB {
        let place = format!("{DOC}/contrib/{name}");
        stage.file(&place, &read(&root.join("contrib").join(name))?, 0o644)?;
    }
    Ok(())
}

/// What the agent says for packagers.
fn said(agent: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(agent);
    command.args(arguments).env_remove("VPNMON_CONFIG");
    let what = format!("asking the agent for its {}", arguments.join(" "));
    output(&what, "run the command by hand", &mut command)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).or_fail(format!("reading {}", path.display()), "restore the file")
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).or_fail(format!("reading {}", path.display()), "restore the file")
}
