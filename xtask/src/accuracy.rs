//! `cargo xtask accuracy`: sets up what `vpnmon-accuracy` needs, and runs it.

use std::{
    env, iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use nix::unistd::geteuid;

use crate::{
    apt, bpf, cargo,
    failure::{Failure, OrFail as _, Result},
    interrupt,
    layout::Layout,
    packages::{self, Package},
    step,
};

/// What to measure.
#[derive(Args)]
pub struct AccuracyArgs {
    /// Only the scenarios whose name contains NAME.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Also write the rows to FILE, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Tools to compare with: programs alone, which run only when called.
const TOOLS: [Package; 2] = [
    Package {
        name: "iptables",
        needs: &["iptables", "ip6tables"],
        why: "owner rules to compare with",
    },
    Package { name: "nethogs", needs: &["nethogs"], why: "bytes by process to compare with" },
];

/// Builds everything and measures; fails unless every row is as it must be.
pub fn accuracy(layout: &Layout, args: &AccuracyArgs) -> Result<()> {
    if !geteuid().is_root() {
        let why = "it makes accounts and network namespaces and loads programs: needs root";
        let next = "run `sudo -E env PATH=\"$PATH\" cargo xtask accuracy`";
        return Err(Failure::new("accuracy", why, next));
    }
    packages::ensure(layout)?;
    tell(packages::ensure_all(layout, &TOOLS))?;
    let vnstat = layout.target.join("accuracy");
    tell(unpack_vnstat(layout, &vnstat))?;
    bpf::build(layout)?;
    cargo::build_agent(layout, cargo::Profile::Release)?;
    let mut build = cargo::outer_compile(layout, "build");
    build.args(["--release", "--package", "vpnmon-tests", "--bins"]);
    step::shown("building the measuring programs", "about 60 s the first time", &mut build)?;
    step::shown("accuracy", "about 2 minutes", &mut command(layout, args, &vnstat)?)
}

/// A tool that cannot be had leaves its column empty.
fn tell(tools: Result<()>) -> Result<()> {
    if let Err(failure) = tools {
        interrupt::check("getting tools to compare with")?;
        eprintln!("{failure}; going on without");
    }
    Ok(())
}

/// Its package would bring a service that watches every interface from the next boot on, so it is
/// not installed.
fn unpack_vnstat(layout: &Layout, into: &Path) -> Result<()> {
    const WHY: &str = "interface totals to compare with";
    let daemon = into.join("usr/sbin/vnstatd");
    if !daemon.exists() {
        apt::unpack(layout, "vnstat", WHY, into)?;
    }
    let mut version = Command::new(&daemon);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    apt::install(layout, &["libsqlite3-0"], WHY, "install vnstat by hand")
}

fn command(layout: &Layout, args: &AccuracyArgs, vnstat: &Path) -> Result<Command> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = ["usr/bin", "usr/sbin"].map(|dir| vnstat.join(dir));
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = env::join_paths(own.into_iter().chain(env::split_paths(&path)).chain(system))
        .or_fail("setting PATH", "use a working tree without a colon in its name")?;
    let mut command = Command::new(layout.target.join("release/vpnmon-accuracy"));
    command.env("PATH", path).env("VPNMON_AGENT", layout.agent("release"));
    for (option, value) in
        [("--only", args.only.as_ref().map(PathBuf::from)), ("--json", args.json.clone())]
    {
        command
            .args(value.iter().flat_map(|value| iter::once(Path::new(option)).chain([&**value])));
    }
    Ok(command)
}
