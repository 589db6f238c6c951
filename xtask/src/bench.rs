//! `cargo xtask bench`: everything the benchmark needs, then the benchmark.

use std::{path::PathBuf, process::Command};

use clap::Args;
use nix::unistd::geteuid;

use crate::{
    apt, bpf, cargo,
    failure::{Failure, Result},
    layout::{self, Layout},
    packages, step,
};

/// How to measure.
#[derive(Args)]
pub struct BenchArgs {
    /// Half a minute and fewer accounts; leaves docs/BENCHMARKS.md as it is.
    #[arg(long)]
    quick: bool,
    /// Measure another build of the agent beside this one; leaves docs/BENCHMARKS.md as it is.
    #[arg(long, value_name = "AGENT")]
    against: Option<PathBuf>,
}

/// Builds all in release, and measures.
pub fn bench(layout: &Layout, args: &BenchArgs) -> Result<()> {
    if !geteuid().is_root() {
        let why = "it loads programs into the kernel and makes network namespaces: needs root";
        let next = "run `sudo -E env PATH=\"$PATH\" cargo xtask bench`";
        return Err(Failure::new("bench", why, next));
    }
    packages::ensure(layout)?;
    if !packages::is_there("iptables-restore") {
        let why = "rules to compare with";
        apt::install(layout, &["iptables"], why, "put iptables-restore there by hand")?;
    }
    bpf::build(layout)?;
    cargo::build_agent(layout, cargo::Profile::Release)?;
    let mut build = cargo::outer_compile(layout, "build");
    build.args(["--release", "--package", "vpnmon-tests", "--bin", "vpnmon-bench"]);
    step::shown("building the benchmark", "about 40 s the first time", &mut build)?;
    layout::make_dir(&layout.target.join("bench"))?;
    let about = if args.quick { "about half a minute" } else { "about five minutes" };
    step::shown("benchmark", about, &mut command(layout, args))
}

fn command(layout: &Layout, args: &BenchArgs) -> Command {
    let mut command = Command::new(layout.target.join("release").join("vpnmon-bench"));
    command
        .current_dir(&layout.root)
        .env("VPNMON_AGENT", layout.agent("release"))
        .env("VPNMON_EMPTY", layout.bpf_object(bpf::EMPTY))
        // In memory: how fast a disk takes 50,000 files is no matter of this program's.
        .env("TMPDIR", "/dev/shm");
    if args.quick {
        command.arg("--quick");
    }
    if let Some(agent) = &args.against {
        command.arg("--against").arg(agent);
    }
    command.arg(layout.target.join("bench").join("results.json"));
    if !args.quick && args.against.is_none() {
        command.arg(layout.root.join("docs").join("BENCHMARKS.md"));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(quick: bool, against: Option<&str>, expected: &[&str]) {
        let layout = Layout { root: "/r".into(), target: "/r/target".into(), cache: "/c".into() };
        let args = BenchArgs { quick, against: against.map(PathBuf::from) };
        let command = command(&layout, &args);
        let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(arguments, expected);
    }

    #[test]
    fn only_a_full_run_of_this_build_goes_into_the_document() {
        const RESULTS: &str = "/r/target/bench/results.json";
        check(false, None, &[RESULTS, "/r/docs/BENCHMARKS.md"]);
        check(true, None, &["--quick", RESULTS]);
        check(false, Some("/old"), &["--against", "/old", RESULTS]);
    }
}
