//! The Debian package: one static binary, its service and what belongs to it.

mod changelog;
mod contents;
mod licences;
mod stage;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;

use self::stage::Stage;
use crate::{
    bpf, cargo,
    failure::{Failure, OrFail, Result},
    layout::{self, Layout},
    step,
};

/// Its name; the agent's own is in the unit and in the paths.
pub const PACKAGE: &str = "vpnmon";
/// The release goal: small servers, slow mirrors.
const MAX_BYTES: u64 = 10_000_000;

#[derive(Args)]
pub struct DebArgs {
    /// Version of the package, instead of the workspace's
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// What is the same for all files of one package.
struct Build<'a> {
    layout: &'a Layout,
    version: &'a str,
    /// Debian's word for the processor.
    architecture: &'static str,
    /// Seconds since 1970 of the commit: the same source makes the same package.
    committed_at: String,
    agent: &'a Path,
}

/// Builds the package and says where it is.
pub fn deb(layout: &Layout, args: &DebArgs) -> Result<()> {
    let agent = build_agent(layout)?;
    let file = package(layout, &agent, args.version.as_deref())?;
    eprintln!("install it with: apt install {}", file.display());
    Ok(())
}

/// The directory of packages and of what they are made of.
pub fn dir(layout: &Layout) -> PathBuf {
    layout.target.join("deb")
}

/// Builds the agent with its C library inside, so that it runs on any distribution whose kernel is
/// new enough. That is glibc and not musl: its target needs nothing but libc6-dev, it compiles
/// `ring` with the same compiler, and the agent asks no name service, which is what a static glibc
/// cannot do.
pub fn build_agent(layout: &Layout) -> Result<PathBuf> {
    bpf::build(layout)?;
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let out = dir(layout).join("build");
    let mut command = cargo::outer(layout, "build");
    command
        .args(["--release", "--locked", "--package", "vpnmon-agent", "--target", &target])
        .arg("--target-dir")
        .arg(&out)
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Names of functions stay for backtraces; lines of code would be three quarters of it.
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    step::shown("building the static agent", "about 3 min the first time", &mut command)?;
    Ok(out.join(target).join("release/vpnmon-agent"))
}

/// Packs `agent`, and gives the package's path.
pub fn package(layout: &Layout, agent: &Path, version: Option<&str>) -> Result<PathBuf> {
    let build = Build {
        layout,
        version: version.unwrap_or(env!("CARGO_PKG_VERSION")),
        architecture: architecture()?,
        committed_at: committed_at(layout)?,
        agent,
    };
    let dir = dir(layout);
    layout::make_dir(&dir)?;
    let mut stage = Stage::new(dir.join("root"))?;
    contents::fill(&build, &mut stage)?;
    stage.control(&build)?;
    let name = format!("{PACKAGE}_{}_{}.deb", build.version, build.architecture);
    let file = dir.join(name);
    let mut command = Command::new("dpkg-deb");
    command
        // Ubuntu 20.04 reads no zstd.
        .args(["--root-owner-group", "-Zxz", "--build"])
        .arg(stage.root())
        .arg(&file)
        .env("SOURCE_DATE_EPOCH", &build.committed_at);
    step::logged("packing", "about 10 s", &layout.log("deb")?, &mut command)?;
    check_size(&file)?;
    Ok(file)
}

fn check_size(file: &Path) -> Result<()> {
    let what = format!("packing {}", file.display());
    let bytes = file.metadata().or_fail(&what, "run this again")?.len();
    if bytes > MAX_BYTES {
        let why = format!("it has {bytes} bytes, more than {MAX_BYTES}");
        return Err(Failure::new(what, why, "look for what has grown"));
    }
    eprintln!("{}: {bytes} bytes", file.display());
    Ok(())
}

fn architecture() -> Result<&'static str> {
    match env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => {
            let next = "build on x86-64 or arm64";
            Err(Failure::new("packing", format!("nothing is known of {other}"), next))
        }
    }
}

fn committed_at(layout: &Layout) -> Result<String> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(&layout.root);
    output("asking git for the commit's time", "run this in a clone, with git installed", &mut git)
}

/// What a program says, without the line's end.
fn output(what: &str, next: &str, command: &mut Command) -> Result<String> {
    let output = command.output().or_fail(what, next)?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(what, format!("{}: {why}", output.status), next));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
