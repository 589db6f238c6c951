//! `cargo xtask kernels`: the agent in real Debian kernels, each in a QEMU of its own.
//!
//! Everything that is fetched or built for it stays under `target/kernels`; nothing is installed.

pub mod archive;
mod boot;
mod cpio;
mod guest;
mod kernel;
pub mod plan;
mod qemu;
mod release;
mod report;
pub mod sites;
mod table;
mod tool;
mod tree;

use std::{env, path::PathBuf, time::Instant};

use clap::Args;

use self::{
    guest::Guest,
    kernel::{Kernel, Kernels},
    qemu::Qemu,
    release::Release,
    table::{Outcome, Row},
};
use crate::{
    failure::{Failure, Result},
    interrupt,
    layout::Layout,
};

/// Long-term kernels that the project promises to work on.
const STABLE: [&str; 3] = ["5.10", "6.1", "6.12"];

/// Which kernels to run.
#[derive(Args)]
pub struct KernelsArgs {
    /// Versions such as 6.1, the newest release of each; without: 5.10, 6.1, 6.12 and the newest.
    #[arg(value_name = "VERSION", conflicts_with = "all")]
    versions: Vec<String>,
    /// One of every version from 5.10 on that Debian has.
    #[arg(long)]
    all: bool,
    /// Look for newer kernels than the lists under target know.
    #[arg(long)]
    refresh: bool,
}

/// Runs the chosen kernels; fails unless every one passed every check.
pub fn kernels(layout: &Layout, args: &KernelsArgs) -> Result<()> {
    run(layout, args.refresh, |releases| {
        let each = release::newest_of_each(releases);
        let newest = each.last().cloned();
        if args.all {
            each.into_iter().map(Ok).collect()
        } else if args.versions.is_empty() {
            let mut chosen = find(releases, &STABLE);
            chosen.extend(newest.filter(|newest| !chosen.contains(&Ok(newest.clone()))).map(Ok));
            chosen
        } else {
            find(releases, &args.versions)
        }
    })
}

/// Runs the long-term kernels, as a part of all tests.
pub fn stable(layout: &Layout) -> Result<()> {
    run(layout, false, |releases| find(releases, &STABLE))
}

/// Where all of it is.
fn dir(layout: &Layout) -> PathBuf {
    layout.target.join("kernels")
}

/// A release, or the version that none was found for.
type Choice = std::result::Result<Release, String>;

fn find<V: AsRef<str>>(releases: &[Release], versions: &[V]) -> Vec<Choice> {
    let versions = versions.iter().map(AsRef::as_ref);
    let one = |version: &str| release::newest_of(releases, version).ok_or(version.to_owned());
    versions.map(one).collect()
}

fn run(layout: &Layout, refresh: bool, choose: impl Fn(&[Release]) -> Vec<Choice>) -> Result<()> {
    if env::consts::ARCH != "x86_64" {
        let why = format!("the guests are for x86_64, this machine is {}", env::consts::ARCH);
        return Err(Failure::new("kernels", why, "run this on an x86_64 machine"));
    }
    let guest = Guest::build(layout)?;
    let qemu = qemu::ensure(layout)?;
    let fetched = fetch(&mut Kernels::open(layout)?, refresh, choose)?;
    let bench = Bench { layout, guest, qemu };
    let rows = fetched.into_iter().map(|(name, kernel)| bench.row(name, kernel));
    judge(&rows.collect::<Result<Vec<_>>>()?)
}

/// The kernels by name, or why one is not here.
type Fetched = Vec<(String, std::result::Result<Kernel, String>)>;

/// Fetches them all before the first runs. What old lists name may be gone from the archive.
fn fetch(
    kernels: &mut Kernels,
    refresh: bool,
    choose: impl Fn(&[Release]) -> Vec<Choice>,
) -> Result<Fetched> {
    if refresh {
        kernels.refresh()?;
    }
    let fetched = fetch_each(kernels, choose(&kernels.releases()))?;
    if refresh || fetched.iter().all(|(_, kernel)| kernel.is_ok()) {
        return Ok(fetched);
    }
    kernels.refresh()?;
    fetch_each(kernels, choose(&kernels.releases()))
}

fn fetch_each(kernels: &Kernels, choices: Vec<Choice>) -> Result<Fetched> {
    let fetch = |choice: Choice| {
        interrupt::check("fetching kernels")?;
        Ok(match choice {
            Ok(release) => {
                let kernel = kernels.fetch(&release).map_err(|failure| failure.why().to_owned());
                (release.name().to_owned(), kernel)
            }
            Err(version) => (version, Err("the archives that apt knows have none".to_owned())),
        })
    };
    let fetched = choices.into_iter().map(fetch).collect();
    interrupt::check("fetching kernels").and(fetched)
}

fn judge(rows: &[Row]) -> Result<()> {
    eprint!("\n{}", table::table(rows));
    let failed = rows.iter().filter(|row| !row.problems().is_empty()).count();
    if failed == 0 && !rows.is_empty() {
        return Ok(());
    }
    let why = format!("{failed} of {} did not pass", rows.len());
    Err(Failure::new("kernels", why, "their consoles are in target/xtask-logs/kernel-*.log"))
}

/// All that it takes to run a kernel.
struct Bench<'a> {
    layout: &'a Layout,
    guest: Guest,
    qemu: Qemu,
}

impl Bench<'_> {
    /// Fails only where no kernel could run, or when told to stop.
    fn row(&self, name: String, kernel: std::result::Result<Kernel, String>) -> Result<Row> {
        let kernel = match kernel {
            Ok(kernel) => kernel,
            Err(why) => return Ok(Row { kernel: name, outcome: Outcome::NotFetched(why) }),
        };
        eprintln!("running {name} (about 30 s) ...");
        let initramfs = self.guest.initramfs(&kernel.modules, &dir(self.layout))?;
        let console = self.layout.log(&format!("kernel-{name}"))?;
        let started = Instant::now();
        let report = boot::boot(&self.qemu, &kernel.image, &initramfs, &console)?;
        let outcome = Outcome::Ran { report, uname: kernel.uname, took: started.elapsed() };
        Ok(Row { kernel: name, outcome })
    }
}
