//! `cargo xtask demo`: a server with users to look at, before anything is installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use nix::unistd::geteuid;

use crate::{
    bpf, cargo,
    failure::{Failure, OrFail as _, Result},
    layout::{self, Layout},
    packages, picture, step,
    unpacked::V2RAY,
};

/// How to show it.
#[derive(Args)]
pub struct DemoArgs {
    /// End after N seconds; without a terminal, then print what was counted
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Write a picture of what `top` shows then to FILE, as SVG, instead of showing it
    #[arg(long, value_name = "FILE", requires = "seconds")]
    screen: Option<PathBuf>,
    /// Show hosts, not accounts
    #[arg(long)]
    hosts: bool,
}

/// Builds what is needed, and shows it; nothing of it is left afterwards.
pub fn demo(layout: &Layout, args: &DemoArgs) -> Result<()> {
    if !geteuid().is_root() {
        let why = "it makes namespaces and loads programs into the kernel: needs root";
        let next = "run `sudo -E env PATH=\"$PATH\" cargo xtask demo`";
        return Err(Failure::new("demo", why, next));
    }
    packages::ensure(layout)?;
    V2RAY.ensure(layout)?;
    bpf::build(layout)?;
    cargo::build_agent(layout, cargo::Profile::Release)?;
    let mut build = cargo::outer_compile(layout, "build");
    build.args(["--release", "--package", "vpnmon-tests"]);
    build.args(["--bin", "vpnmon-demo", "--bin", "vpnmon-traffic"]);
    step::shown("building the demo", "about 40 s the first time", &mut build)?;
    let Some(file) = &args.screen else {
        let about = args.seconds.map_or("until q".to_owned(), |seconds| format!("{seconds} s"));
        return step::shown("demo", &about, &mut command(layout, args, None));
    };
    let dir = layout.target.join("demo");
    layout::make_dir(&dir)?;
    let cells = dir.join("screen");
    step::shown("demo", "a picture", &mut command(layout, args, Some(&cells)))?;
    let what = format!("writing {}", file.display());
    let text = fs::read_to_string(&cells).or_fail(&what, "run this again")?;
    fs::write(file, picture::svg(&text)).or_fail(&what, "check its permissions")
}

/// It is to end when this program does, whatever ends that.
fn command(layout: &Layout, args: &DemoArgs, cells: Option<&Path>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "--"])
        .arg(layout.target.join("release/vpnmon-demo"))
        .env("VPNMON_AGENT", layout.agent("release"))
        // A place in memory, which the demo makes its own.
        .env("TMPDIR", "/run");
    if env::var_os("VPNMON_XRAY").is_none() {
        command.env("VPNMON_XRAY", V2RAY.program(layout));
    }
    if let Some(seconds) = args.seconds {
        command.arg("--seconds").arg(seconds.to_string());
    }
    if args.hosts {
        command.arg("--hosts");
    }
    if let Some(cells) = cells {
        command.arg("--screen").arg(cells);
    }
    command
}
