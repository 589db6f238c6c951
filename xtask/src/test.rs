//! Everything that must hold before a change goes in.

use std::{
    env,
    process::Command,
    time::{Duration, Instant},
};

use nix::unistd::geteuid;

use crate::{
    bpf, cargo, dropbear,
    failure::{Failure, Result},
    kernels,
    layout::Layout,
    lint, packages, step,
    unpacked::{PROMETHEUS, V2RAY},
};

/// Which stages to run.
pub struct Selection {
    stages: Vec<Stage>,
    /// Part of the name of the system tests to run; empty for all.
    filter: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Setup,
    Build,
    Lint,
    Unit,
    System,
    Kernels,
}

impl Selection {
    /// All stages, unless one kind of tests is asked for.
    pub fn new(unit: bool, system: Option<String>) -> Self {
        use Stage::{Build, Kernels, Lint, Setup, System, Unit};
        let stages = match (unit, &system) {
            (true, _) => vec![Build, Unit],
            (false, Some(_)) => vec![Setup, Build, System],
            // Lint compiles the agent, whose build needs the BPF objects: not before Build.
            (false, None) => vec![Setup, Build, Lint, Unit, System, Kernels],
        };
        Self { stages, filter: system.unwrap_or_default() }
    }

    fn has(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }
}

/// Runs the stages in order and stops at the first that fails; says how long each took.
pub fn test(layout: &Layout, selection: &Selection) -> Result<()> {
    if selection.has(Stage::System) && !geteuid().is_root() {
        let why = "the system tests load programs into the kernel and make accounts: needs root";
        let next =
            "run `sudo -E env PATH=\"$PATH\" cargo xtask test`, or `cargo xtask test --unit`";
        return Err(Failure::new("test", why, next));
    }
    if selection.has(Stage::Lint) {
        lint::components(layout)?;
    }
    let mut took = Vec::new();
    for &stage in &selection.stages {
        let started = Instant::now();
        let result = run(layout, stage, &selection.filter);
        took.push((stage, started.elapsed(), result.is_ok()));
        if let Err(failure) = result {
            report(&took);
            return Err(failure);
        }
    }
    report(&took);
    Ok(())
}

fn run(layout: &Layout, stage: Stage, filter: &str) -> Result<()> {
    match stage {
        Stage::Setup => {
            packages::ensure(layout)?;
            dropbear::ensure(layout)?;
            V2RAY.ensure(layout)?;
            PROMETHEUS.ensure(layout)
        }
        Stage::Build => {
            bpf::build(layout)?;
            cargo::build_agent(layout, cargo::Profile::Release)
        }
        Stage::Lint => lint::checks(layout),
        Stage::Unit => step::shown("unit tests", "about 60 s the first time", &mut unit(layout)),
        Stage::Kernels => kernels::stable(layout),
        Stage::System => step::shown("system tests", "minutes", &mut system(layout, filter)),
    }
}

fn unit(layout: &Layout) -> Command {
    let mut command = cargo::outer_compile(layout, "test");
    command.args(["--workspace", "--exclude", "vpnmon-tests"]);
    command
}

/// One at a time: the tests share one kernel, its cgroup root and its account file. All of them, so
/// that one run tells everything that is broken.
fn system(layout: &Layout, filter: &str) -> Command {
    let mut command = cargo::outer_compile(layout, "test");
    command
        .args(["--package", "vpnmon-tests", "--no-fail-fast", "--", "--test-threads=1"])
        .args(Some(filter).filter(|filter| !filter.is_empty()))
        .env("VPNMON_AGENT", layout.agent("release"))
        .env("VPNMON_WITNESS", layout.bpf_object(bpf::WITNESS))
        .env("VPNMON_DROPBEAR", dropbear::dir(layout))
        .env("VPNMON_PROMETHEUS", PROMETHEUS.programs(layout));
    if env::var_os("VPNMON_XRAY").is_none() {
        command.env("VPNMON_XRAY", V2RAY.program(layout));
    }
    command
}

fn report(took: &[(Stage, Duration, bool)]) {
    for (stage, time, ok) in took {
        let word = if *ok { "ok" } else { "FAILED" };
        eprintln!("{:<7} {word:<6} {:>7.1} s", format!("{stage:?}"), time.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: bool, system: Option<&str>, expected: &[Stage]) {
        let selection = Selection::new(unit, system.map(str::to_owned));
        assert_eq!(selection.stages, expected);
        assert_eq!(selection.filter, system.unwrap_or_default());
    }

    #[test]
    fn picks_stages() {
        use Stage::{Build, Kernels, Lint, Setup, System, Unit};
        check(false, None, &[Setup, Build, Lint, Unit, System, Kernels]);
        check(true, None, &[Build, Unit]);
        check(false, Some(""), &[Setup, Build, System]);
        check(false, Some("ssh"), &[Setup, Build, System]);
    }
}
