//! The checks, in the order in which a start would meet them.

use std::{fs, path::Path};

use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::{AccessFlags, access, geteuid},
};

use super::{Check, Outcome};
use crate::{
    config::{CgroupChoice, Config},
    control::client::{Client, NoAgent},
    daemon::Surroundings,
    kernel::{self, bpffs, cgroup, release},
    sources::{
        clock::Clock,
        sessions::{SessionEvent, SessionWatch},
    },
};

/// Looks at everything.
pub fn all(config: &Config) -> Vec<Check> {
    let root = root();
    let kernel = kernel_release();
    let can_load = root.status == Outcome::Ok && kernel.status == Outcome::Ok;
    let [programs, uids] = programs(can_load);
    let mut checks = vec![
        root,
        kernel,
        programs,
        uids,
        jit(),
        cgroup2(config),
        tc(config, can_load),
        bpf_file_system(config),
        state_dir(&config.agent.state_dir),
        sessions(config),
    ];
    checks.extend(super::xray::all(config));
    checks.extend(super::outlets::all(config));
    checks.push(agent(config));
    checks
}

pub fn ok(id: &'static str, what: impl Into<String>) -> Check {
    let (why, fix) = (String::new(), String::new());
    Check { id, status: Outcome::Ok, what: what.into(), why, fix }
}

pub fn bad(
    id: &'static str,
    status: Outcome,
    what: impl Into<String>,
    why: impl Into<String>,
    fix: impl Into<String>,
) -> Check {
    Check { id, status, what: what.into(), why: why.into(), fix: fix.into() }
}

fn root() -> Check {
    if geteuid().is_root() {
        return ok("root", "runs as root");
    }
    let why = format!("runs as uid {}, and only root may load programs", geteuid());
    bad("root", Outcome::Fail, "does not run as root", why, "run it with sudo")
}

fn kernel_release() -> Check {
    let release = match release::release() {
        Ok(release) => release,
        Err(error) => {
            let why = format!("{error:#}");
            return bad("kernel", Outcome::Fail, "kernel unknown", why, "look into the kernel log");
        }
    };
    let Err(error) = release::check(&release) else {
        return ok("kernel", format!("kernel {release}"));
    };
    let (major, minor) = release::OLDEST;
    let fix = format!(
        "install a kernel from {major}.{minor} on (Ubuntu 20.04: linux-generic-hwe-20.04) and boot it"
    );
    bad("kernel", Outcome::Fail, format!("kernel {release}"), format!("{error:#}"), fix)
}

/// Whether they load, and whether they then see through user namespaces.
fn programs(can_load: bool) -> [Check; 2] {
    const WHAT: &str = "the kernel programs load";
    if !can_load {
        let why = "not tried: it takes root and a kernel that is new enough";
        return [bad("programs", Outcome::Off, WHAT, why, "see above"), uids(Err(why))];
    }
    match kernel::try_load() {
        Ok(masked) => [ok("programs", WHAT), uids(masked.as_deref().map_or(Ok(()), Err))],
        Err(error) => {
            let fix = "report it with the kernel's release and the line above";
            let what = "the kernel programs do not load";
            let programs = bad("programs", Outcome::Fail, what, format!("{error:#}"), fix);
            [programs, uids(Err("the programs do not load"))]
        }
    }
}

fn uids(seen: Result<(), &str>) -> Check {
    match seen {
        Ok(()) => ok("uids", "users are told apart in user namespaces too"),
        Err(why) => {
            let what = "who makes a network namespace of its own counts under the uid taken there";
            let fix = "use a kernel with BTF (CONFIG_DEBUG_INFO_BTF) that is not locked down to \
                       confidentiality, or forbid users namespaces (user.max_net_namespaces)";
            bad("uids", Outcome::Off, what, why, fix)
        }
    }
}

/// Without its compiler the kernel interprets every program: some ten times the cost a packet.
fn jit() -> Check {
    const FILE: &str = "/proc/sys/net/core/bpf_jit_enable";
    match fs::read_to_string(FILE) {
        Ok(text) if text.trim() == "0" => {
            let why = format!("{FILE} is 0: each packet costs several times as much");
            let fix = "run `sysctl net.core.bpf_jit_enable=1`";
            bad("jit", Outcome::Off, "BPF programs are interpreted", why, fix)
        }
        // Kernels built with the compiler always on have no other setting, or no file.
        _ => ok("jit", "BPF programs are compiled"),
    }
}

fn cgroup2(config: &Config) -> Check {
    let chosen = match &config.meter.cgroup {
        CgroupChoice::Auto => None,
        CgroupChoice::Path(path) => Some(path.as_path()),
    };
    match cgroup::find(chosen) {
        Ok(found) => ok("cgroup2", format!("counts at {}", found.path.display())),
        Err(error) => {
            let fix = "mount it with `mount -t cgroup2 none DIR`, or correct meter.cgroup";
            bad("cgroup2", Outcome::Fail, "no cgroup to count at", format!("{error:#}"), fix)
        }
    }
}

/// The tc programs, and the interfaces they go on.
fn tc(config: &Config, can_load: bool) -> Check {
    if !can_load {
        return bad("tc", Outcome::Off, "interfaces", "cannot be tried", "see above");
    }
    if let Err(error) = kernel::try_classifiers() {
        let fix = "report it with the kernel's release and the line above";
        let what =
            "the kernel's tc programs do not load: interfaces and tunnel clients do not count";
        return bad("tc", Outcome::Off, what, format!("{error:#}"), fix);
    }
    let layout = Surroundings::new(config).layout();
    let names: Vec<_> = layout.interfaces.into_iter().map(|it| it.name).collect();
    if names.is_empty() {
        let why = "no interface has a default route or is a tunnel, or meter.interfaces names none \
                   that is up";
        let fix = "name the server's interfaces in meter.interfaces";
        return bad("tc", Outcome::Off, "no interface is metered", why, fix);
    }
    let how = if release::has_tcx() { "by tcx" } else { "by clsact, the kernel having no tcx" };
    ok("tc", format!("meters {}, {how}", names.join(", ")))
}

fn bpf_file_system(config: &Config) -> Check {
    let dir = &config.agent.bpffs;
    let mounted = dir.ancestors().skip(1).find(|above| above.exists());
    if mounted.is_some_and(|above| bpffs::is_bpffs(above).unwrap_or_default()) {
        return ok("bpffs", format!("pins in {}", dir.display()));
    }
    if dir.starts_with(bpffs::USUAL) && Path::new(bpffs::USUAL).is_dir() {
        let what = format!("bpffs is not mounted at {}: the agent mounts it", bpffs::USUAL);
        return ok("bpffs", what);
    }
    let why = format!("{} is on no bpffs", dir.display());
    let fix = format!("name a directory below {} in agent.bpffs", bpffs::USUAL);
    bad("bpffs", Outcome::Fail, "nowhere to pin", why, fix)
}

fn state_dir(dir: &Path) -> Check {
    let there = dir.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let what = format!("usage is kept in {}", dir.display());
    let fix = format!("make {} writable, or name another agent.state_dir", there.display());
    let read_only = statvfs(there).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_RDONLY));
    if !there.is_dir() {
        let why = format!("{} is no directory", there.display());
        return bad("state-dir", Outcome::Fail, what, why, fix);
    }
    if read_only {
        let why = format!("{} is on a read-only file system", there.display());
        return bad("state-dir", Outcome::Fail, what, why, fix);
    }
    match access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) => ok("state-dir", what),
        Err(error) => {
            let why = format!("cannot write to {}: {error}", there.display());
            bad("state-dir", Outcome::Fail, what, why, fix)
        }
    }
}

/// Who is logged in, and what the servers' log is needed for.
fn sessions(config: &Config) -> Check {
    let mut watch = SessionWatch::new(&config.ssh.auth_log);
    let events = watch.poll(Clock::new().now());
    let problems = watch.problems();
    if problems.is_empty() {
        let began = events.iter().filter(|event| matches!(event, SessionEvent::Began(_)));
        return ok("sessions", format!("{} processes of SSH sessions found", began.count()));
    }
    let fix = "run rsyslog or journald, or name the servers' log in ssh.auth_log";
    let what = "not every SSH session can be told whose it is";
    bad("sessions", Outcome::Off, what, problems.join("; "), fix)
}

fn agent(config: &Config) -> Check {
    match Client::connect(&config.agent.socket) {
        Ok(_) => ok("agent", format!("the agent answers on {}", config.agent.socket.display())),
        Err(NoAgent::NotRunning(socket)) => {
            let why = format!("nobody answers on {}", socket.display());
            let fix = "start it with `systemctl start vpnmon-agent`";
            bad("agent", Outcome::Off, "the agent is not running", why, fix)
        }
        Err(error) => {
            let fix = "run this as root, and look into the agent's log";
            bad("agent", Outcome::Off, "the agent does not answer", error.to_string(), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_place_in_the_manual() {
        let manual = include_str!("../../../docs/troubleshooting.md");
        for check in all(&Config::default()) {
            let heading = format!("\n## `{}`\n", check.id);
            assert!(manual.contains(&heading), "docs/troubleshooting.md lacks {heading:?}");
        }
    }
}
