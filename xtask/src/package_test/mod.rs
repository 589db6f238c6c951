//! The package's life in a fresh Debian 12 with systemd: installed, at work, killed, upgraded under
//! traffic, removed, purged.

mod life;
mod machine;
mod sender;
mod tree;

use std::{fs, path::PathBuf, time::Instant};

use clap::Args;
use nix::unistd::geteuid;

use self::machine::Machine;
use crate::{
    deb,
    failure::{Failure, OrFail, Result},
    layout::Layout,
};

#[derive(Args)]
pub struct PackageTestArgs {
    /// Boot this tree, such as one that debootstrap has made of Ubuntu, instead of a Debian 12
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// Use these packages, the second of a higher version, instead of building them
    #[arg(num_args = 2, value_names = ["PACKAGE", "NEWER"])]
    packages: Vec<PathBuf>,
}

/// The packages as they lie in the machine.
const FIRST: &str = "/root/first.deb";
const NEWER: &str = "/root/newer.deb";
/// Sorts after what it is appended to.
const NEWER_SUFFIX: &str = "+rebuilt1";

/// Runs the whole life; the machine is gone afterwards, whatever happens.
pub fn package_test(layout: &Layout, args: &PackageTestArgs) -> Result<()> {
    if !geteuid().is_root() {
        let next = "run `sudo -E env PATH=\"$PATH\" cargo xtask package-test`";
        return Err(Failure::new("package-test", "a machine of its own needs root", next));
    }
    let [first, newer] = packages(layout, &args.packages)?;
    let tree = tree::ensure(layout, args.tree.as_deref())?;
    let started = Instant::now();
    let machine = Machine::boot(layout, &tree)?;
    tell("booted", started);
    machine.put(&first, FIRST)?;
    machine.put(&newer, NEWER)?;
    let lived = life::live(&machine);
    if lived.is_err() {
        let log = layout.log("package-journal")?;
        let journal = machine.try_run("journalctl --no-pager -n 300");
        let journal = journal.unwrap_or_else(|said| said);
        fs::write(&log, journal).or_fail("keeping the journal", "check target's permissions")?;
        eprintln!("the machine's journal is in {}", log.display());
    }
    lived
}

fn packages(layout: &Layout, given: &[PathBuf]) -> Result<[PathBuf; 2]> {
    if let [first, newer] = given {
        return Ok([first.clone(), newer.clone()]);
    }
    let agent = deb::build_agent(layout)?;
    let newer = format!("{}{NEWER_SUFFIX}", env!("CARGO_PKG_VERSION"));
    let first = deb::package(layout, &agent, None)?;
    Ok([first, deb::package(layout, &agent, Some(&newer))?])
}

/// A line of the report.
fn tell(what: &str, since: Instant) {
    eprintln!("{:>6.1} s  {what}", since.elapsed().as_secs_f64());
}
